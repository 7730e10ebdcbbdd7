#include "apiserver/aggregation/remote_discovery.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/codec/json_values.h"
#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "api/openapi/merge_v2.h"
#include "api/text/utf8.h"
#include "apiserver/aggregation/openapi_part.h"
#include "base/gzip.h"
#include "base/hash.h"

namespace skiff {
namespace {

// A text may always grow so much.
constexpr size_t kGrowthBytesFree = size_t{1} << 20;

// Whether a text would be more than twice as long if it were read and written again: Go's encoder
// makes six bytes of "<", and three of what is no UTF-8.
bool GrowsMuch(std::string_view text) {
  size_t more = 0;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const size_t length = byte < 0x80 ? 1 : Utf8SequenceLength(text.substr(at, 4));
    if (length == 0) more += 2;
    if (byte == '<' || byte == '>' || byte == '&') more += 5;
    at += std::max<size_t>(length, 1);
  }
  return more > std::max(text.size(), kGrowthBytesFree);
}

// As many resources are believed of one version.
constexpr size_t kResourcesMax = 1000;
constexpr size_t kHashBytesMax = 256;

tl::unexpected<Error> NotDiscovery() {
  return Fail(Reason::kInvalid, "the answer is no discovery document");
}

Result<Json> ParseRemote(std::string_view text) {
  if (JsonValuesIn(text) > kRemoteValuesMax) return NotDiscovery();
  return ParseJson(text);
}

std::vector<std::string> VerbsOf(const meta_v1::APIResource& resource) {
  return {resource.verbs.begin(), resource.verbs.end()};
}

// Lists leave out of their entries what all share.
void SetResponseKind(const meta_v1::APIResource& from, std::string_view group,
                     std::string_view version, Box<meta_v1::GroupVersionKind>& to) {
  meta_v1::GroupVersionKind kind;
  kind.group = from.group.empty() ? std::string(group) : from.group;
  kind.version = from.version.empty() ? std::string(version) : from.version;
  kind.kind = from.kind;
  to = std::move(kind);
}

}  // namespace

Result<VersionDiscovery> ReadAggregatedDiscovery(std::string_view text, std::string_view group,
                                                 std::string_view version) {
  const Json document = TRY(ParseRemote(text));
  if (!document.is_object()) return NotDiscovery();
  for (const Json& item : ListAt(document, "items")) {
    if (!item.is_object() || TextAt(item, "metadata.name") != group) continue;
    for (const Json& each : ListAt(item, "versions")) {
      if (!each.is_object() || TextAt(each, "version") != version) continue;
      auto read = TRY(FromJson<VersionDiscovery>(each));
      if (read.resources.size() > kResourcesMax) read.resources.resize(kResourcesMax);
      return read;
    }
  }
  return Fail(Reason::kNotFound, "the server does not have that version");
}

Result<VersionDiscovery> ReadResourceList(std::string_view text, std::string_view group,
                                          std::string_view version) {
  const Json document = TRY(ParseRemote(text));
  if (!document.is_object() || TextAt(document, "kind") != "APIResourceList") {
    return NotDiscovery();
  }
  const auto list = TRY(FromJson<meta_v1::APIResourceList>(document));
  VersionDiscovery out;
  out.version = version;
  for (const auto& each : list.resources) {
    if (each.name.find('/') != std::string::npos || out.resources.size() >= kResourcesMax) continue;
    auto& resource = out.resources.emplace_back();
    resource.resource = each.name;
    resource.singular_resource = each.singular_name;
    resource.scope = each.namespaced ? "Namespaced" : "Cluster";
    resource.verbs = VerbsOf(each);
    resource.short_names = each.short_names;
    resource.categories = each.categories;
    SetResponseKind(each, group, version, resource.response_kind);
  }
  // By name, as an answer may name hundreds of thousands; the first of a name has them.
  std::unordered_map<std::string_view, size_t> at;
  for (size_t i = 0; i < out.resources.size(); ++i) at.emplace(out.resources[i].resource, i);
  for (const auto& each : list.resources) {
    const size_t slash = each.name.find('/');
    if (slash == std::string::npos) continue;
    const auto found = at.find(std::string_view(each.name).substr(0, slash));
    if (found == at.end()) continue;
    auto& parent = out.resources[found->second];
    if (parent.subresources.size() >= kResourcesMax) continue;
    auto& subresource = parent.subresources.emplace_back();
    subresource.subresource = each.name.substr(slash + 1);
    subresource.verbs = VerbsOf(each);
    SetResponseKind(each, group, version, subresource.response_kind);
  }
  return out;
}

std::string OpenApiHashIn(std::string_view index, const std::string& key) {
  const auto document = ParseRemote(index);
  if (!document || !document->is_object()) return "";
  const auto paths = document->find("paths");
  if (paths == document->end() || !paths->is_object()) return "";
  const auto found = paths->find(key);
  if (found == paths->end() || !found->is_object()) return "";
  const std::string url = TextAt(*found, "serverRelativeURL");
  constexpr std::string_view kHash = "?hash=";
  const size_t at = url.find(kHash);
  if (at == std::string::npos) return "";
  const std::string hash = url.substr(at + kHash.size());
  const bool is_clean = std::all_of(hash.begin(), hash.end(), [](unsigned char c) {
    return std::isalnum(c) != 0;
  });
  return is_clean && hash.size() <= kHashBytesMax ? hash : "";
}

PackedDocumentPtr ReadOpenApiV2(std::string_view text, std::string_view group,
                                std::string_view version) {
  const std::string prefix = "/apis/" + std::string(group) + "/" + std::string(version) + "/";
  // Of a server with very many kinds, what of it is wanted may still be little.
  std::string part;
  if (JsonValuesIn(text) > kRemoteValuesMax) {
    auto taken = OpenApiPart(text, prefix);
    if (!taken) return nullptr;
    text = part = *std::move(taken);
  }
  if (GrowsMuch(text)) return nullptr;
  auto whole = ParseRemote(text);
  part = std::string();
  if (!whole) return nullptr;
  Json own = openapi::PathsBelow(*std::move(whole), prefix);
  if (!own.is_object() || own["paths"].empty()) return nullptr;
  // Nothing of it is copied: it may be all that an answer may have.
  auto& members = own.get_ref<Json::object_t&>();
  std::erase_if(members, [](const auto& member) {
    return member.first != "paths" && member.first != "definitions" && member.first != "parameters";
  });
  const std::string kept = DumpJson(own);
  return std::make_shared<const PackedDocument>(PackedDocument{.packed = Gzip(kept),
                                                               .hash = Sha256(kept),
                                                               .bytes = kept.size(),
                                                               .values = JsonValuesIn(kept)});
}

}  // namespace skiff
