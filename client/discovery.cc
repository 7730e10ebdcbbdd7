#include "client/discovery.h"

#include <algorithm>
#include <set>
#include <utility>

#include "api/codec/document.h"
#include "api/text/group_version.h"

namespace skiff {
namespace {

// Adds what a version has and the versions before it, whose names are in `named`, do not have.
void AddVersion(Client& client, const std::string& api_version, std::set<std::string>& named,
                ServedResources& out) {
  const auto version = ResourcesIn(client, api_version);
  if (!version) {
    // As clients that ask for all groups at once are told, whatever it is that is wrong with one.
    out.failures.push_back(api_version + ": stale GroupVersion discovery: " + api_version);
    return;
  }
  for (const ServedResource& each : version->resources) {
    if (named.insert(each.resource.name).second) out.resources.push_back(each);
  }
  out.failures.insert(out.failures.end(), version->failures.begin(), version->failures.end());
}

// The one that the server prefers first.
std::vector<std::string> VersionsOf(const Json& group) {
  std::vector<std::string> versions;
  const auto add = [&](std::string version) {
    const bool is_new = std::find(versions.begin(), versions.end(), version) == versions.end();
    if (is_new && !version.empty()) versions.push_back(std::move(version));
  };
  add(TextAt(group, "preferredVersion.groupVersion"));
  for (const Json& each : ListAt(group, "versions")) add(TextAt(each, "groupVersion"));
  return versions;
}

}  // namespace

bool ServedResource::Has(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

Result<ServedResources> ResourcesIn(Client& client, const std::string& api_version) {
  const bool is_core = GroupPart(api_version).empty();
  const Json list = TRY(client.GetPath((is_core ? "/api/" : "/apis/") + api_version));
  ServedResources out;
  for (const Json& entry : ListAt(list, "resources")) {
    ServedResource served;
    served.resource.name = TextAt(entry, "name");
    if (served.resource.name.empty() || served.resource.name.find('/') != std::string::npos) {
      continue;
    }
    served.resource.api_version = api_version;
    served.resource.kind = TextAt(entry, "kind");
    // What somebody else's server says may be anything.
    const auto namespaced = entry.find("namespaced");
    if (namespaced != entry.end() && !namespaced->is_boolean()) {
      out.failures.push_back(api_version + ": the server says of " + served.resource.name +
                             " neither that it is namespaced nor that it is not");
      continue;
    }
    served.resource.namespaced = namespaced != entry.end() && namespaced->get<bool>();
    for (const Json& verb : ListAt(entry, "verbs")) {
      if (verb.is_string()) served.verbs.push_back(verb.get<std::string>());
    }
    out.resources.push_back(std::move(served));
  }
  return out;
}

Result<ServedResources> Discover(Client& client) {
  ServedResources served;
  std::set<std::string> named_in_core;
  AddVersion(client, "v1", named_in_core, served);
  const Json groups = TRY(client.GetPath("/apis"));
  for (const Json& group : ListAt(groups, "groups")) {
    std::set<std::string> named;
    for (const std::string& version : VersionsOf(group)) {
      AddVersion(client, version, named, served);
    }
  }
  return served;
}

}  // namespace skiff
