// What the server serves, for clients that ask: /api, /apis and below, and the aggregated lists of
// apidiscovery.k8s.io. Pure functions of the kinds, built-in and custom alike.
//
//   const auto list = ResourcesOf(kinds, "apps", "v1");
//   if (!list) return NotFound();
//   body = DiscoveryJson(*list).dump();
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/apidiscovery_v2.h"
#include "api/gen/meta_v1.h"
#include "api/type.h"

namespace skiff {

using KindList = std::span<const KindInfo* const>;

// A group and version that is served, as an APIService would name it.
struct ServedVersion {
  std::string_view group;
  std::string_view version;
  int group_priority = 0;
  int version_priority = 0;
};
// Versions that are listed although no kind makes them, or that are placed elsewhere than the kinds
// say: their word counts.
using OtherVersions = std::span<const ServedVersion>;

// /api. `server_address` is "host:port".
meta_v1::APIVersions CoreVersions(KindList kinds, std::string_view server_address);
// /apis: all groups but the core one, the most important first.
meta_v1::APIGroupList GroupsOf(KindList kinds, OtherVersions others = {});
// /apis/<group>; nullopt when there is no such group.
std::optional<meta_v1::APIGroup> GroupOf(KindList kinds, std::string_view group,
                                         OtherVersions others = {});
// /api/<version> and /apis/<group>/<version>; nullopt when nothing is served there.
std::optional<meta_v1::APIResourceList> ResourcesOf(KindList kinds, std::string_view group,
                                                    std::string_view version);
// What is in a version, where that is known from elsewhere than from the kinds; nullopt: from them.
using KnownVersion =
    std::function<std::optional<apidiscovery_v2::APIVersionDiscovery>(const ServedVersion&)>;
// The items of an APIGroupDiscoveryList: the core group for /api, the others for /apis.
std::vector<apidiscovery_v2::APIGroupDiscovery> AggregatedGroups(
    KindList kinds, bool core, OtherVersions others = {}, const KnownVersion& known = {});

// As Kubernetes writes them: apiVersion is missing from the answers of /api and /api/v1, and the
// groups of a list do not repeat their kind.
Json DiscoveryJson(const meta_v1::APIVersions& versions);
Json DiscoveryJson(const meta_v1::APIGroupList& groups);
Json DiscoveryJson(const meta_v1::APIGroup& group);
Json DiscoveryJson(const meta_v1::APIResourceList& resources);
Json DiscoveryJson(const std::vector<apidiscovery_v2::APIGroupDiscovery>& groups);

// In discovery order, the core group among them.
std::vector<ServedVersion> ServedVersions(KindList kinds, OtherVersions others = {});

// Kubernetes' order of versions: v2, v1, v1beta2, v1alpha1, then other names; true when `a` goes
// before `b`.
bool VersionGoesBefore(std::string_view a, std::string_view b);

}  // namespace skiff
