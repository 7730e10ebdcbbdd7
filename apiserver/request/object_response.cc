#include "apiserver/request/object_response.h"

#include <utility>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/crd/custom_kind.h"
#include "api/gen/meta_v1.h"
#include "apiserver/objects/conversions.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"

namespace skiff {
namespace {

const crd::CustomKind* DefinitionOf(const KindInfo& kind) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  return runtime == nullptr ? nullptr : runtime->custom.get();
}

std::string ListKind(const KindInfo& kind) {
  if (const crd::CustomKind* custom = DefinitionOf(kind)) return custom->list_kind;
  return std::string(kind.kind) + "List";
}

Error NotAList(const KindInfo& kind) {
  return {Reason::kNotAcceptable,
          "you requested PartialObjectMetadataList, but the requested object is not a list (*" +
              InternalName(kind) + ")"};
}

// Lists of custom resources always tell where they go on, if they do or not.
std::string ListHead(std::string_view list_kind, std::string_view api_version,
                     const ListMeta& meta, bool shows_end = false) {
  std::string text = "{\"kind\":\"";
  text.append(list_kind).append("\",\"apiVersion\":\"").append(api_version);
  std::string shown = ListMetaText(meta);
  if (shows_end && meta.continue_token.empty()) shown.insert(1, "\"continue\":\"\",");
  text.append("\",\"metadata\":").append(shown).append(",\"items\":");
  return text;
}

std::string PartialListText(const std::vector<std::string>& items, const ListMeta& meta,
                            const std::string& version) {
  const std::string api_version = "meta.k8s.io/" + version;
  std::string text = ListHead("PartialObjectMetadataList", api_version, meta);
  if (items.empty()) return text + "null}";
  char separator = '[';
  for (const std::string& item : items) {
    text += separator;
    text += PartialMetadataText(item, version);
    separator = ',';
  }
  return text + "]}";
}

constexpr std::string_view kPartial = "PartialObjectMetadata";

TypeMeta PartialMeta(const MediaType& media, std::string_view suffix) {
  return {"meta.k8s.io/" + media.target_version, std::string(kPartial) + std::string(suffix)};
}

Json ListDocument(const std::vector<std::string>& items, const ListMeta& meta) {
  Json list = {{"metadata", Json::parse(ListMetaText(meta))}, {"items", Json::array()}};
  for (const std::string& item : items) {
    auto document = ParseJson(item);
    if (document) list["items"].push_back(std::move(*document));
  }
  return list;
}

std::string ProtobufList(const KindInfo& kind, const std::vector<std::string>& items,
                         const ListMeta& meta, const MediaType& media) {
  const Json list = ListDocument(items, meta);
  if (media.target == Target::kPartialMetadataList) {
    return EncodeProtobufList(meta_v1::PartialObjectMetadata::Describe(),
                              PartialMeta(media, "List"), list);
  }
  return EncodeProtobufList(*kind.type, {std::string(kind.api_version), ListKind(kind)}, list);
}

TableOptions OptionsOf(const KindInfo& kind, TimePoint now, std::string_view version,
                       IncludeObject include) {
  return {.now = now,
          .version = version,
          .include = include,
          .api_version = kind.api_version,
          .kind = kind.kind};
}

// In the order of the types; the rows' objects are of `object`, or of nothing that is known.
std::string TextInOrder(Json table, const Type* object) {
  const Json rows = std::exchange(table["rows"], Json());
  table.erase("rows");
  std::string text = EncodeDocument(meta_v1::Table::Describe(), table);
  text.back() = ',';
  text += "\"rows\":";
  if (!rows.is_array()) return text + "null}";
  char separator = '[';
  for (const Json& row : rows) {
    text += separator;
    separator = ',';
    const auto shown = row.find("object");
    Json others = {{"cells", row["cells"]}};
    if (row.contains("conditions")) others["conditions"] = row["conditions"];
    AppendDocument(meta_v1::TableRow::Describe(), others, text);
    text.back() = ',';
    text += "\"object\":";
    if (object != nullptr) {
      AppendValue(*object, *shown, text);
    } else {
      AppendJson(*shown, text);
    }
    text += '}';
  }
  return text + (separator == '[' ? "[]}" : "]}");
}

const Type* RowType(const KindInfo& kind, IncludeObject include) {
  if (include == IncludeObject::kMetadata) return &meta_v1::PartialObjectMetadata::Describe();
  return RuntimeKindOf(kind) == nullptr ? kind.type : nullptr;
}

// Tables show what objects are in the version that they are kept in, whichever was asked for; the
// rows' objects, if wanted whole, are of the one that was asked for.
std::string TableOf(const KindInfo& kind, const Json& document, TableOptions options) {
  const KindInfo& stored = StorageKindOf(kind);
  const crd::CustomKind* custom = DefinitionOf(kind);
  const TableFormat& format =
      custom != nullptr ? custom->table : FindTableFormat(stored.api_version, stored.kind);
  const Type* row_type = RowType(kind, options.include);
  if (&stored == &kind) return TextInOrder(MakeTable(format, document, options), row_type);
  const auto as_kept = [&](const Json& object) {
    auto converted = Convert(kind, stored, object);
    return converted ? std::move(*converted) : object;
  };
  const bool is_list = document.contains("items");
  Json kept = is_list ? document : as_kept(document);
  if (is_list) {
    for (Json& item : kept["items"]) item = as_kept(item);
  }
  const bool whole = options.include == IncludeObject::kObject;
  if (whole) options.include = IncludeObject::kNone;
  Json table = MakeTable(format, kept, options);
  for (size_t i = 0; whole && i < table["rows"].size(); ++i) {
    Json& object = table["rows"][i]["object"];
    object = is_list ? document["items"][i] : document;
    object["apiVersion"] = kind.api_version;
    object["kind"] = kind.kind;
  }
  return TextInOrder(std::move(table), row_type);
}

std::string TableOfItems(const KindInfo& kind, const std::vector<std::string>& items,
                         const ListMeta& meta, TimePoint now, std::string_view version,
                         IncludeObject include) {
  const Json list = ListDocument(items, meta);
  return TableOf(kind, list, OptionsOf(kind, now, version, include));
}

}  // namespace

MediaOffer OfferOf(const ApiRequest& request, MediaOffer offer) {
  offer.protobuf_metadata_alone =
      request.kind != nullptr && RuntimeKindOf(*request.kind) != nullptr;
  return offer;
}

std::string ProtobufText(const KindInfo& kind, std::string_view text, const MediaType& media) {
  const auto parsed = ParseJson(text);
  const Json document = parsed ? *parsed : Json::object();
  if (media.target == Target::kPartialMetadata) {
    return EncodeProtobuf(meta_v1::PartialObjectMetadata::Describe(), PartialMeta(media, ""),
                          document);
  }
  return EncodeProtobuf(*kind.type, {std::string(kind.api_version), std::string(kind.kind)},
                        document);
}

std::string TableText(const KindInfo& kind, std::string_view text, TimePoint now,
                      std::string_view version, IncludeObject include, bool headers) {
  const auto document = ParseJson(text);
  TableOptions options = OptionsOf(kind, now, version, include);
  options.headers = headers;
  return TableOf(kind, document ? *document : Json::object(), options);
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

std::string PartialMetadataText(std::string_view text, std::string_view version) {
  const auto document = ParseJson(text);
  return EncodeDocument(meta_v1::PartialObjectMetadata::Describe(),
                        MakePartialObject(document ? *document : Json::object(), version));
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

Result<http::Response> ListResponse(const KindInfo& kind, const std::vector<std::string>& items,
                                    const ListMeta& meta, const ApiRequest& request,
                                    const MediaType& media) {
  if (media.target == Target::kPartialMetadata) {
    return Fail(Reason::kNotAcceptable,
                "you requested PartialObjectMetadata, but the requested object is a list (*" +
                    InternalName(kind) + "List)");
  }
  if (media.encoding == Encoding::kProtobuf) {
    return ProtobufResponse(200, ProtobufList(kind, items, meta, media));
  }
  if (media.target == Target::kPartialMetadataList) {
    return DocumentResponse(200, PartialListText(items, meta, media.target_version), media);
  }
  if (media.target == Target::kTable) {
    const IncludeObject include = TRY(IncludeOf(request));
    return DocumentResponse(
        200, TableOfItems(kind, items, meta, request.now, media.target_version, include), media);
  }
  size_t bytes = 256;
  for (const std::string& item : items) bytes += item.size() + 1;
  std::string text;
  text.reserve(bytes);
  text = ListHead(ListKind(kind), kind.api_version, meta, DefinitionOf(kind) != nullptr);
  text += '[';
  for (const std::string& item : items) {
    if (text.back() != '[') text += ',';
    text += '{';
    text += ItemTail(kind, item);
  }
  text += "]}";
  return DocumentResponse(200, std::move(text), media);
}

}  // namespace skiff
