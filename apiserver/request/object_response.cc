#include "apiserver/request/object_response.h"

#include <fmt/format.h>

#include "api/codec/decode.h"
#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/struct_text.h"
#include "api/crd/custom_kind.h"
#include "api/gen/meta_v1.h"
#include "api/kinds/behaviour.h"
#include "api/kinds/versions.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"

namespace skiff {
namespace {

// `kind` is what is answered: that of the request, or a Scale.
Error NotAList(const KindInfo& kind, const ApiRequest& request) {
  const bool of_custom = request.kind != nullptr && RuntimeKindOf(*request.kind) != nullptr;
  const bool has_struct = kind.type != nullptr && kind.type->ops != nullptr;
  if (of_custom && !has_struct) return PlainError("content is not a list");
  // Beside custom resources there is no form that is of no version.
  const std::string name =
      of_custom ? fmt::format("{}.{}", kind.version, kind.kind) : InternalName(kind);
  return {Reason::kNotAcceptable,
          "you requested PartialObjectMetadataList, but the requested object is not a list (*" +
              name + ")"};
}

TypeMeta PartialMeta(const MediaType& media) {
  return {"meta.k8s.io/" + media.target_version, "PartialObjectMetadata"};
}

}  // namespace

const crd::CustomKind* DefinitionOf(const KindInfo& kind) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  return runtime == nullptr ? nullptr : runtime->custom.get();
}

TableOptions TableOptionsOf(const KindInfo& kind, TimePoint now, std::string_view version,
                            IncludeObject include) {
  return {.now = now,
          .version = version,
          .include = include,
          .api_version = kind.api_version,
          .kind = kind.kind};
}

std::string TableHead(Json table) {
  table.erase("rows");
  std::string text = EncodeDocument(meta_v1::Table::Describe(), table);
  text.back() = ',';
  return text + "\"rows\":";
}

MediaOffer OfferOf(const ApiRequest& request, MediaOffer offer) {
  offer.protobuf_metadata_alone =
      request.kind != nullptr && RuntimeKindOf(*request.kind) != nullptr;
  return offer;
}

// What the server wrote is right; of what is damaged all the same there is what was read before.
StructPtr StructOf(const Type& type, std::string_view text) {
  StructPtr object = MakeStruct(type);
  (void)DecodeStruct(type, text, FieldValidation::kIgnore, object.get());
  return object;
}

StructPtr PartialStructOf(std::string_view text) {
  const std::string partial = "{\"metadata\":" + MetadataText(text) + "}";
  return StructOf(meta_v1::PartialObjectMetadata::Describe(), partial);
}

std::string ProtobufText(const KindInfo& kind, std::string_view text, const MediaType& media) {
  if (media.target == Target::kPartialMetadata) {
    return EncodeStructProtobuf(meta_v1::PartialObjectMetadata::Describe(), PartialMeta(media),
                                PartialStructOf(text).get());
  }
  return EncodeStructProtobuf(*kind.type, {std::string(kind.api_version), std::string(kind.kind)},
                              StructOf(*kind.type, text).get());
}

namespace {

// What cells are made of: all but the accounts of who manages which field, which are half of a
// text.
Result<Json> ReadForCells(std::string_view text) {
  JsonReader in(text);
  if (in.Next() != JsonToken::kObject) return ParseJson(text);
  Json document = Json::object();
  for (std::string_view key; in.NextKey(key);) {
    const bool is_metadata = key == "metadata";
    Json& member = document[std::string(key)];
    const JsonToken token = in.Next();
    if (!is_metadata || token != JsonToken::kObject) {
      member = ReadJson(in, token);
      continue;
    }
    member = Json::object();
    while (in.NextKey(key)) {
      if (key == "managedFields") {
        in.Skip();
      } else {
        Json& value = member[std::string(key)];
        value = ReadJson(in, in.Next());
      }
    }
  }
  if (in.failed()) return Fail(Reason::kBadRequest, in.error());
  return document;
}

// Objects of kinds made at run time are shown in an order of keys that their text need not have,
// metadata of those that are kept in another version is that version's.
bool IsShownByText(const KindInfo& kind) {
  return RuntimeKindOf(kind) == nullptr && &StorageKindOf(kind) == &kind;
}

Result<Json> ReadForRow(const KindInfo& kind, std::string_view text) {
  return IsShownByText(kind) ? ReadForCells(text) : ParseJson(text);
}

void AppendRowObject(std::string_view text, const TableOptions& options, std::string& out) {
  switch (options.include) {
    case IncludeObject::kNone:
      out += "null";
      return;
    case IncludeObject::kMetadata:
      out += PartialMetadataText(text, options.version);
      return;
    case IncludeObject::kObject:
      out += text;
      return;
  }
}

// The row's object, if wanted whole, is of the version that was asked for.
Json TableRowOf(const KindInfo& kind, const Json& document, TableOptions options) {
  const KindInfo& stored = StorageKindOf(kind);
  const TableFormat& format = *kind.behaviour->table;
  if (&stored == &kind) return MakeTableRow(format, document, options);
  const bool whole = options.include == IncludeObject::kObject;
  if (whole) options.include = IncludeObject::kNone;
  const auto kept = DocumentAs(kind, stored, document);
  Json row = MakeTableRow(format, kept ? *kept : document, options);
  if (!whole) return row;
  Json& object = row["object"];
  object = document;
  object["apiVersion"] = kind.api_version;
  object["kind"] = kind.kind;
  return row;
}

// `document` as ReadForRow makes it of `text`.
void AppendRow(const KindInfo& kind, const Json& document, std::string_view text,
               const TableOptions& options, std::string& out) {
  const bool by_text = IsShownByText(kind);
  TableOptions cells = options;
  if (by_text) cells.include = IncludeObject::kNone;
  Json row = TableRowOf(kind, document, cells);
  const Json object = std::move(row["object"]);
  row.erase("object");
  AppendDocument(meta_v1::TableRow::Describe(), row, out);
  out.back() = ',';
  out += "\"object\":";
  if (by_text) {
    AppendRowObject(text, options, out);
  } else if (options.include == IncludeObject::kMetadata) {
    AppendValue(meta_v1::PartialObjectMetadata::Describe(), object, out);
  } else {
    AppendJson(object, out);
  }
  out += '}';
}

}  // namespace

void AppendTableRow(const KindInfo& kind, std::string_view text, const TableOptions& options,
                    std::string& out) {
  if (const auto document = ReadForRow(kind, text)) AppendRow(kind, *document, text, options, out);
}

std::string TableText(const KindInfo& kind, std::string_view text, TimePoint now,
                      std::string_view version, IncludeObject include, bool headers) {
  const auto parsed = ReadForRow(kind, text);
  const Json document = parsed ? *parsed : Json::object();
  TableOptions options = TableOptionsOf(kind, now, version, include);
  options.headers = headers;
  Json table = MakeTable(*kind.behaviour->table, {{"items", Json::array()}}, options);
  // What was not kept has none.
  const std::string version_of_it = TextAt(document, "metadata.resourceVersion");
  if (!version_of_it.empty()) table["metadata"] = {{"resourceVersion", version_of_it}};
  std::string out = TableHead(std::move(table)) + "[";
  AppendRow(kind, document, text, options, out);
  return out + "]}";
}

Result<IncludeObject> IncludeOf(const ApiRequest& request) {
  return ParseIncludeObject(request.http.Query("includeObject").value_or(""));
}

std::string InternalName(const KindInfo& kind) {
  if (RuntimeKindOf(kind) != nullptr) return "unstructured.Unstructured";
  std::string package(kind.group.substr(0, kind.group.find('.')));
  if (package.empty()) package = "core";
  return package + "." + std::string(kind.kind);
}

std::string ListMetaText(const ListMeta& meta) {
  std::string text = "{\"resourceVersion\":\"" + meta.resource_version + "\"";
  if (!meta.continue_token.empty()) text += ",\"continue\":\"" + meta.continue_token + "\"";
  if (meta.remaining > 0) text += ",\"remainingItemCount\":" + std::to_string(meta.remaining);
  return text + "}";
}

// Objects begin with kind, apiVersion and metadata, so that little of the text is read.
std::string MetadataText(std::string_view text) {
  JsonReader in(text);
  if (in.Next() != JsonToken::kObject) return "{}";
  for (std::string_view key; in.NextKey(key);) {
    const bool wanted = key == "metadata";
    size_t begin = in.position();
    in.Skip();
    if (!wanted) continue;
    begin = text.find('{', begin);
    if (in.failed() || begin >= in.position()) break;
    return std::string(text.substr(begin, in.position() - begin));
  }
  return "{}";
}

std::string PartialMetadataText(std::string_view text, std::string_view version) {
  std::string out = "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/";
  out.append(version).append("\",\"metadata\":").append(MetadataText(text)).append("}");
  return out;
}

Result<http::Response> ObjectResponse(int code, const KindInfo& kind, std::string text,
                                      const ApiRequest& request, const MediaType& media) {
  switch (media.target) {
    case Target::kPartialMetadataList:
      return Fail(NotAList(kind, request));
    case Target::kPartialMetadata:
      if (media.encoding == Encoding::kProtobuf) {
        return ProtobufResponse(code, ProtobufText(kind, text, media));
      }
      return DocumentResponse(code, PartialMetadataText(text, media.target_version), media);
    case Target::kTable: {
      const IncludeObject include = TRY(IncludeOf(request));
      return DocumentResponse(
          code, TableText(kind, text, request.now, media.target_version, include, true), media);
    }
    case Target::kDiscovery:
    case Target::kObject:
      break;
  }
  if (media.encoding == Encoding::kProtobuf) {
    return ProtobufResponse(code, ProtobufText(kind, text, media));
  }
  return DocumentResponse(code, std::move(text), media);
}

}  // namespace skiff
