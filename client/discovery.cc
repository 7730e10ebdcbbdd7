#include "client/discovery.h"

#include <algorithm>

namespace skiff {
namespace {

std::string MemberText(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

void AddVersion(Client& client, const std::string& path, const std::string& api_version,
                ServedResources& out) {
  const auto list = client.GetPath(path);
  if (!list) {
    out.failures.push_back(api_version + ": " + list.error().message);
    return;
  }
  const auto resources = list->find("resources");
  if (resources == list->end() || !resources->is_array()) return;
  for (const Json& entry : *resources) {
    ServedResource served;
    served.resource.name = MemberText(entry, "name");
    if (served.resource.name.empty() || served.resource.name.find('/') != std::string::npos) {
      continue;
    }
    served.resource.api_version = api_version;
    served.resource.kind = MemberText(entry, "kind");
    // What somebody else's server says may be anything.
    const auto namespaced = entry.find("namespaced");
    if (namespaced != entry.end() && !namespaced->is_boolean()) {
      out.failures.push_back(api_version + ": the server says of " + served.resource.name +
                             " neither that it is namespaced nor that it is not");
      continue;
    }
    served.resource.namespaced = namespaced != entry.end() && namespaced->get<bool>();
    if (const auto verbs = entry.find("verbs"); verbs != entry.end() && verbs->is_array()) {
      for (const Json& verb : *verbs) {
        if (verb.is_string()) served.verbs.push_back(verb.get<std::string>());
      }
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
  const auto list = groups.find("groups");
  if (list == groups.end() || !list->is_array()) return served;
  for (const Json& group : *list) {
    const auto preferred = group.find("preferredVersion");
    if (preferred == group.end() || !preferred->is_object()) continue;
    const std::string version = MemberText(*preferred, "groupVersion");
    if (!version.empty()) AddVersion(client, "/apis/" + version, version, served);
  }
  return served;
}

}  // namespace skiff
