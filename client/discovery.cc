#include "client/discovery.h"

#include <algorithm>

#include "api/codec/document.h"

namespace skiff {
namespace {

void AddVersion(Client& client, const std::string& path, const std::string& api_version,
                ServedResources& out) {
  const auto list = client.GetPath(path);
  if (!list) {
    // As clients that ask for all groups at once are told, whatever it is that is wrong with one.
    out.failures.push_back(api_version + ": stale GroupVersion discovery: " + api_version);
    return;
  }
  for (const Json& entry : ListAt(*list, "resources")) {
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
}

}  // namespace

bool ServedResource::Has(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

Result<ServedResources> Discover(Client& client) {
  ServedResources served;
  AddVersion(client, "/api/v1", "v1", served);
  const Json groups = TRY(client.GetPath("/apis"));
  for (const Json& group : ListAt(groups, "groups")) {
    const std::string version = TextAt(group, "preferredVersion.groupVersion");
    if (!version.empty()) AddVersion(client, "/apis/" + version, version, served);
  }
  return served;
}

}  // namespace skiff
