#include "api/openapi/discovery.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "api/codec/typed.h"
#include "api/text/group_version.h"
#include "base/hash.h"

namespace skiff {
namespace {

// "v2beta1" is 2, beta, 1. `stage` is 2 for GA, 1 for beta, 0 for alpha, -1 for other names.
struct VersionRank {
  int stage = -1;
  int major = 0;
  int minor = 0;
};

bool TakeNumber(std::string_view& text, int& number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || number <= 0) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

VersionRank RankOf(std::string_view version) {
  VersionRank rank;
  if (!version.starts_with('v')) return rank;
  version.remove_prefix(1);
  if (!TakeNumber(version, rank.major)) return {};
  if (version.empty()) return {2, rank.major, 0};
  const bool beta = version.starts_with("beta");
  if (!beta && !version.starts_with("alpha")) return {};
  version.remove_prefix(beta ? 4 : 5);
  if (!TakeNumber(version, rank.minor) || !version.empty()) return {};
  rank.stage = beta ? 1 : 0;
  return rank;
}

std::string GroupVersion(std::string_view group, std::string_view version) {
  return group.empty() ? std::string(version) : std::string(group).append("/").append(version);
}

std::vector<std::string> Strings(std::span<const std::string_view> words) {
  return {words.begin(), words.end()};
}

// Kubernetes hashes "group/version/Kind" of what is stored.
std::string StorageVersionHash(const KindInfo& kind) {
  if (kind.storage_version.empty()) return "";
  const bool core = GroupPart(kind.storage_version).empty();
  const std::string text =
      (core ? "/" : "") + std::string(kind.storage_version) + "/" + std::string(kind.kind);
  return Base64(Sha256(text).substr(0, 8));
}

meta_v1::GroupVersionForDiscovery Version(const ServedVersion& served) {
  meta_v1::GroupVersionForDiscovery out;
  out.group_version = GroupVersion(served.group, served.version);
  out.version = served.version;
  return out;
}

using GroupAndVersion = std::pair<std::string_view, std::string_view>;
using KindsOfVersions = std::map<GroupAndVersion, std::vector<const KindInfo*>>;

// Those that have a resource, and in its order.
KindsOfVersions ByVersion(KindList kinds) {
  KindsOfVersions out;
  for (const KindInfo* kind : kinds) {
    if (!kind->resource.empty()) out[{kind->group, kind->version}].push_back(kind);
  }
  for (auto& [version, of_version] : out) {
    std::stable_sort(of_version.begin(), of_version.end(),
                     [](const auto* a, const auto* b) { return a->resource < b->resource; });
  }
  return out;
}

meta_v1::APIResource ResourceOf(const KindInfo& kind) {
  meta_v1::APIResource out;
  out.name = kind.resource;
  out.singular_name = kind.singular;
  out.namespaced = kind.namespaced;
  out.kind = kind.kind;
  out.verbs = Strings(kind.verbs);
  out.short_names = Strings(kind.short_names);
  out.categories = Strings(kind.categories);
  out.storage_version_hash = StorageVersionHash(kind);
  return out;
}

meta_v1::APIResource SubresourceOf(const KindInfo& kind, const Subresource& subresource) {
  meta_v1::APIResource out;
  out.name = std::string(kind.resource) + "/" + std::string(subresource.name);
  out.namespaced = kind.namespaced;
  out.kind = subresource.kind;
  out.verbs = Strings(subresource.verbs);
  if (subresource.api_version != kind.api_version) {
    out.group = GroupPart(subresource.api_version);
    out.version = VersionPart(subresource.api_version);
  }
  return out;
}

// Empty group and version mean those of the list; custom resources always name them.
meta_v1::GroupVersionKind ResponseKind(const KindInfo& owner, std::string_view api_version,
                                       std::string_view kind) {
  meta_v1::GroupVersionKind out;
  const bool custom = owner.type == nullptr || owner.type->ops == nullptr;
  if (custom || api_version != owner.api_version) {
    out.group = GroupPart(api_version);
    out.version = VersionPart(api_version);
  }
  out.kind = kind;
  return out;
}

apidiscovery_v2::APIResourceDiscovery AggregatedResource(const KindInfo& kind) {
  apidiscovery_v2::APIResourceDiscovery out;
  out.resource = kind.resource;
  out.response_kind = ResponseKind(kind, kind.api_version, kind.kind);
  out.scope = kind.namespaced ? "Namespaced" : "Cluster";
  out.singular_resource = kind.singular;
  out.verbs = Strings(kind.verbs);
  out.short_names = Strings(kind.short_names);
  out.categories = Strings(kind.categories);
  for (const Subresource& subresource : kind.subresources) {
    auto& to = out.subresources.emplace_back();
    to.subresource = subresource.name;
    to.response_kind = ResponseKind(kind, subresource.api_version, subresource.kind);
    to.verbs = Strings(subresource.verbs);
  }
  return out;
}

}  // namespace

bool VersionGoesBefore(std::string_view a, std::string_view b) {
  const VersionRank left = RankOf(a), right = RankOf(b);
  if (left.stage != right.stage) return left.stage > right.stage;
  if (left.stage < 0) return a < b;
  return std::tie(left.major, left.minor) > std::tie(right.major, right.minor);
}

std::vector<ServedVersion> ServedVersions(KindList kinds, OtherVersions others) {
  std::vector<ServedVersion> out(others.begin(), others.end());
  std::set<GroupAndVersion> known;
  for (const ServedVersion& other : others) known.emplace(other.group, other.version);
  for (const KindInfo* kind : kinds) {
    if (kind->resource.empty() || !known.emplace(kind->group, kind->version).second) continue;
    out.push_back({kind->group, kind->version, kind->group_priority, kind->version_priority});
  }
  // A group stands where the first of its APIServices would, by priority and then by name.
  std::map<std::string_view, std::pair<int, std::string>> places;
  for (const ServedVersion& served : out) {
    std::pair<int, std::string> place{
        -served.group_priority, std::string(served.version) + "." + std::string(served.group)};
    const auto [it, added] = places.emplace(served.group, place);
    if (!added) it->second = std::min(it->second, place);
  }
  std::stable_sort(out.begin(), out.end(), [&](const ServedVersion& a, const ServedVersion& b) {
    if (a.group != b.group) return places[a.group] < places[b.group];
    if (a.version_priority != b.version_priority) return a.version_priority > b.version_priority;
    return VersionGoesBefore(a.version, b.version);
  });
  return out;
}

meta_v1::APIVersions CoreVersions(KindList kinds, std::string_view server_address) {
  meta_v1::APIVersions out;
  for (const ServedVersion& served : ServedVersions(kinds)) {
    if (served.group.empty()) out.versions.emplace_back(served.version);
  }
  auto& address = out.server_address_by_client_cidrs.emplace_back();
  address.client_cidr = "0.0.0.0/0";
  address.server_address = server_address;
  return out;
}

meta_v1::APIGroupList GroupsOf(KindList kinds, OtherVersions others) {
  meta_v1::APIGroupList out;
  for (const ServedVersion& served : ServedVersions(kinds, others)) {
    if (served.group.empty()) continue;
    if (out.groups.empty() || out.groups.back().name != served.group) {
      auto& group = out.groups.emplace_back();
      group.name = served.group;
      group.preferred_version = Version(served);
    }
    out.groups.back().versions.push_back(Version(served));
  }
  return out;
}

std::optional<meta_v1::APIGroup> GroupOf(KindList kinds, std::string_view group,
                                         OtherVersions others) {
  for (meta_v1::APIGroup& candidate : GroupsOf(kinds, others).groups) {
    if (candidate.name == group) return std::move(candidate);
  }
  return std::nullopt;
}

std::optional<meta_v1::APIResourceList> ResourcesOf(KindList kinds, std::string_view group,
                                                    std::string_view version) {
  meta_v1::APIResourceList out;
  out.group_version = GroupVersion(group, version);
  std::vector<const KindInfo*> own;
  std::copy_if(kinds.begin(), kinds.end(), std::back_inserter(own), [&](const KindInfo* kind) {
    return kind->group == group && kind->version == version;
  });
  const KindsOfVersions by_version = ByVersion(own);
  const auto found = by_version.find({group, version});
  if (found == by_version.end()) return std::nullopt;
  for (const KindInfo* kind : found->second) {
    out.resources.push_back(ResourceOf(*kind));
    for (const Subresource& subresource : kind->subresources) {
      out.resources.push_back(SubresourceOf(*kind, subresource));
    }
  }
  if (out.resources.empty()) return std::nullopt;
  return out;
}

std::vector<apidiscovery_v2::APIGroupDiscovery> AggregatedGroups(KindList kinds, bool core,
                                                                 OtherVersions others,
                                                                 const KnownVersion& known) {
  std::vector<apidiscovery_v2::APIGroupDiscovery> out;
  KindsOfVersions by_version = ByVersion(kinds);
  for (const ServedVersion& served : ServedVersions(kinds, others)) {
    if (served.group.empty() != core) continue;
    if (out.empty() || out.back().metadata.name != served.group) {
      out.emplace_back().metadata.name = served.group;
    }
    if (auto found = known ? known(served) : std::nullopt) {
      out.back().versions.push_back(std::move(*found));
      continue;
    }
    auto& version = out.back().versions.emplace_back();
    version.version = served.version;
    version.freshness = "Current";
    for (const KindInfo* kind : by_version[{served.group, served.version}]) {
      version.resources.push_back(AggregatedResource(*kind));
    }
  }
  return out;
}

Json DiscoveryJson(const meta_v1::APIVersions& versions) {
  Json out = ToJson(versions);
  out.erase("apiVersion");
  return out;
}

Json DiscoveryJson(const meta_v1::APIGroupList& groups) {
  Json out = ToJson(groups);
  for (Json& group : out["groups"]) {
    group.erase("kind");
    group.erase("apiVersion");
  }
  return out;
}

Json DiscoveryJson(const meta_v1::APIGroup& group) {
  return ToJson(group);
}

Json DiscoveryJson(const meta_v1::APIResourceList& resources) {
  Json out = ToJson(resources);
  if (GroupPart(resources.group_version).empty()) out.erase("apiVersion");
  return out;
}

Json DiscoveryJson(const std::vector<apidiscovery_v2::APIGroupDiscovery>& groups) {
  Json items = Json::array();
  for (const auto& group : groups) {
    Json item = ToJson(group);
    item.erase("kind");
    item.erase("apiVersion");
    items.push_back(std::move(item));
  }
  Json out = {{"kind", "APIGroupDiscoveryList"},
              {"apiVersion", "apidiscovery.k8s.io/v2"},
              {"metadata", Json::object()}};
  out["items"] = std::move(items);
  return out;
}

}  // namespace skiff
