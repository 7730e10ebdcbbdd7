#include "apiserver/request/object_response.h"

#include "api/codec/decode.h"
#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/struct_text.h"
#include "api/crd/custom_kind.h"
#include "api/gen/meta_v1.h"
#include "apiserver/objects/conversions.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"

namespace skiff {
namespace {

Error NotAList(const KindInfo& kind) {
  return {Reason::kNotAcceptable,
          "you requested PartialObjectMetadataList, but the requested object is not a list (*" +
              InternalName(kind) + ")"};
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

const Type* RowTypeOf(const KindInfo& kind, IncludeObject include) {
  if (include == IncludeObject::kMetadata) return &meta_v1::PartialObjectMetadata::Describe();
  return RuntimeKindOf(kind) == nullptr ? kind.type : nullptr;
}

std::string TableHead(Json table) {
  table.erase("rows");
  std::string text = EncodeDocument(meta_v1::Table::Describe(), table);
  text.back() = ',';
  return text + "\"rows\":";
}

void AppendTableRow(const Json& row, const Type* object, std::string& out) {
  Json others = {{"cells", row.at("cells")}};
  if (const auto conditions = row.find("conditions"); conditions != row.end()) {
    others["conditions"] = *conditions;
  }
  AppendDocument(meta_v1::TableRow::Describe(), others, out);
  out.back() = ',';
  out += "\"object\":";
  const Json& shown = row.at("object");
  if (object != nullptr) {
    AppendValue(*object, shown, out);
  } else {
    AppendJson(shown, out);
  }
  out += '}';
}

const TableFormat& TableFormatOf(const KindInfo& kind) {
  if (const crd::CustomKind* custom = DefinitionOf(kind)) return custom->table;
  const KindInfo& stored = StorageKindOf(kind);
  return FindTableFormat(stored.api_version, stored.kind);
}

Json TableRowOf(const KindInfo& kind, const Json& document, TableOptions options) {
  const KindInfo& stored = StorageKindOf(kind);
  const TableFormat& format = TableFormatOf(kind);
  if (&stored == &kind) return MakeTableRow(format, document, options);
  const bool whole = options.include == IncludeObject::kObject;
  if (whole) options.include = IncludeObject::kNone;
  const auto kept = Convert(kind, stored, document);
  Json row = MakeTableRow(format, kept ? *kept : document, options);
  if (!whole) return row;
  Json& object = row["object"];
  object = document;
  object["apiVersion"] = kind.api_version;
  object["kind"] = kind.kind;
  return row;
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

std::string TableText(const KindInfo& kind, std::string_view text, TimePoint now,
                      std::string_view version, IncludeObject include, bool headers) {
  const auto parsed = ParseJson(text);
  const Json document = parsed ? *parsed : Json::object();
  TableOptions options = TableOptionsOf(kind, now, version, include);
  options.headers = headers;
  Json table = MakeTable(TableFormatOf(kind), {{"items", Json::array()}}, options);
  table["metadata"] = {{"resourceVersion", TextAt(document, "metadata.resourceVersion")}};
  const Json row = TableRowOf(kind, document, options);
  std::string out = TableHead(std::move(table)) + "[";
  AppendTableRow(row, RowTypeOf(kind, include), out);
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
      return Fail(NotAList(kind));
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
