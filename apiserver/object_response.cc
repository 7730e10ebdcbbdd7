#include "apiserver/object_response.h"

#include "api/json.h"
#include "apiserver/record_codec.h"
#include "apiserver/respond.h"

namespace skiff {
namespace {

std::string ListKind(const KindInfo& kind) { return std::string(kind.kind) + "List"; }

Error NotAList(const KindInfo& kind) {
  return {Reason::kNotAcceptable,
          "you requested PartialObjectMetadataList, but the requested object is not a list (*" +
              InternalName(kind) + ")"};
}

std::string ListHead(std::string_view list_kind, std::string_view api_version,
                     const ListMeta& meta) {
  std::string text = "{\"kind\":\"";
  text.append(list_kind).append("\",\"apiVersion\":\"").append(api_version);
  text.append("\",\"metadata\":").append(ListMetaText(meta)).append(",\"items\":");
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

}  // namespace

std::string InternalName(const KindInfo& kind) {
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
  const Json metadata = document ? document->value("metadata", Json::object()) : Json::object();
  return "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/" +
         std::string(version) + "\",\"metadata\":" + DumpJson(metadata) + "}";
}

Result<http::Response> ObjectResponse(int code, const KindInfo& kind, std::string text,
                                      const http::Request&, const MediaType& media) {
  switch (media.target) {
    case Target::kPartialMetadataList: return Fail(NotAList(kind));
    case Target::kPartialMetadata:
      return DocumentResponse(code, PartialMetadataText(text, media.target_version), media);
    case Target::kTable:
    case Target::kDiscovery:
    case Target::kObject: break;
  }
  return DocumentResponse(code, std::move(text), media);
}

Result<http::Response> ListResponse(const KindInfo& kind, const std::vector<std::string>& items,
                                    const ListMeta& meta, const http::Request&,
                                    const MediaType& media) {
  if (media.target == Target::kPartialMetadata) {
    return Fail(Reason::kNotAcceptable,
                "you requested PartialObjectMetadata, but the requested object is a list (*" +
                    InternalName(kind) + "List)");
  }
  if (media.target == Target::kPartialMetadataList) {
    return DocumentResponse(200, PartialListText(items, meta, media.target_version), media);
  }
  size_t bytes = 256;
  for (const std::string& item : items) bytes += item.size() + 1;
  std::string text;
  text.reserve(bytes);
  text = ListHead(ListKind(kind), kind.api_version, meta);
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
