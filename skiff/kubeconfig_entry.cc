#include "skiff/kubeconfig_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "api/text/go_text.h"
#include "api/text/yaml.h"
#include "base/certificates.h"
#include "base/whole_file.h"
#include "client/kubeconfig_lock.h"

namespace skiff {
namespace {

constexpr int kEntryMode = 0600;  // There are keys in it.
constexpr char kCurrent[] = "current-context";
constexpr char kOurExtension[] = "skiff.io/cluster";
constexpr char kDataDir[] = "dataDir";
constexpr const char* kLists[] = {"clusters", "contexts", "users"};
const Json::json_pointer kServer("/cluster/server");
const Json::json_pointer kAuthority("/cluster/certificate-authority-data");

// An object; empty where there is no such file.
Result<Json> ReadDocument(const std::string& path) {
  const auto text = ReadWholeFile(path);
  if (!text && text.error().reason == Reason::kNotFound) return Json::object();
  if (!text) return Fail(text.error());
  Json document = TRY(ParseYaml(*text))
  .value;
  if (document.is_null()) return Json::object();
  if (document.is_object()) return document;
  return Fail(Reason::kInvalid, path + " is no kubeconfig");
}

bool IsNamed(const Json& item, const std::string& name) {
  return item.is_object() && item.value("name", Json()) == name;
}

// nullptr: the list has none of that name.
const Json* Find(const Json& document, const char* list, const std::string& name) {
  const auto items = document.find(list);
  if (items == document.end() || !items->is_array()) return nullptr;
  const auto found = std::find_if(items->begin(), items->end(),
                                  [&](const Json& item) { return IsNamed(item, name); });
  return found == items->end() ? nullptr : &*found;
}

// "" where there is none.
std::string StringAt(const Json& item, const Json::json_pointer& place) {
  if (!item.contains(place)) return "";
  const Json& value = item.at(place);
  return value.is_string() ? value.get<std::string>() : "";
}

bool Erase(Json& document, const char* list, const std::string& name) {
  if (Find(document, list, name) == nullptr) return false;
  Json kept = Json::array();
  for (Json& item : document[list]) {
    if (!IsNamed(item, name)) kept.push_back(std::move(item));
  }
  document[list] = std::move(kept);
  return true;
}

// Whether the cluster of that name is one of those of `own`.
bool IsOwn(const Json& document, const std::string& name, const Json& own) {
  const Json* cluster = Find(document, "clusters", name);
  const std::string authority = cluster == nullptr ? "" : StringAt(*cluster, kAuthority);
  if (authority.empty()) return false;
  const Json clusters = own.value("clusters", Json::array());
  return std::any_of(clusters.begin(), clusters.end(),
                     [&](const Json& each) { return StringAt(each, kAuthority) == authority; });
}

// Conflict where something in the file has that name.
Result<> RequireNone(const Json& document, const std::string& path, const std::string& name) {
  for (const char* list : kLists) {
    if (Find(document, list, name) == nullptr) continue;
    return Fail(Reason::kConflict,
                fmt::format("{} has a \"{}\" among its {} that is another cluster's: rename or "
                            "delete it, or leave --merge-kubeconfig out",
                            path, name, list));
  }
  return {};
}

}  // namespace

Result<std::string> PathOfUsersKubeconfig() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return Fail(Reason::kNotFound, "HOME is not set");
  return std::string(home) + "/.kube/config";
}

std::string ContextNameOf(const std::string& data_dir) {
  std::filesystem::path path(data_dir);
  if (!path.has_filename()) path = path.parent_path();  // "/data/" ends in a slash.
  const std::string name = path.filename();
  return name.empty() || name == "skiff" ? "skiff" : "skiff-" + name;
}

Result<> RequireFreeEntry(const std::string& path, const std::string& name,
                          const std::string& server) {
  const Json document = TRY(ReadDocument(path));
  const Json* cluster = Find(document, "clusters", name);
  if (cluster != nullptr && StringAt(*cluster, kServer) == server) return {};
  return RequireNone(document, path, name);
}

Result<> RequireOwnOrFreeEntry(const std::string& path, const std::string& name,
                               const std::string& own_path) {
  const Json document = TRY(ReadDocument(path));
  const Json own = TRY(ReadDocument(own_path));
  return IsOwn(document, name, own) ? Result<>() : RequireNone(document, path, name);
}

Result<> PutIntoKubeconfigFile(const std::string& path, const Kubeconfig& entry,
                               const std::string& data_dir) {
  const auto lock = TRY(KubeconfigLock::Take({path}));
  Json document = TRY(ReadDocument(path));
  auto parsed = TRY(ParseYaml(entry.ToYaml()));
  Json& added = parsed.value;
  for (Json& cluster : added["clusters"]) {
    if (data_dir.empty()) break;
    const Json extension = {{"name", kOurExtension}, {"extension", {{kDataDir, data_dir}}}};
    cluster["cluster"]["extensions"] = Json::array({extension});
  }
  for (const char* list : kLists) {
    if (!document.contains(list) || !document[list].is_array()) document[list] = Json::array();
    for (const Json& item : added.value(list, Json::array())) {
      Erase(document, list, item.value("name", ""));
      document[list].push_back(item);
    }
  }
  for (const char* field : {"apiVersion", "kind"}) {
    if (!document.contains(field)) document[field] = added.at(field);
  }
  document[kCurrent] = entry.current_context;
  return WriteUsersFile(path, DumpYaml(document), kEntryMode, kEntryMode);
}

std::string DataDirSaidIn(const std::vector<std::string>& paths, const std::string& cluster) {
  for (const std::string& path : paths) {
    const auto document = ReadDocument(path);
    const Json* item = document ? Find(*document, "clusters", cluster) : nullptr;
    if (item == nullptr) continue;
    const Json::json_pointer at("/cluster/extensions");
    const Json extensions = item->contains(at) ? item->at(at) : Json::array();
    for (const Json& each : extensions) {
      const Json::json_pointer directory(std::string("/extension/") + kDataDir);
      if (IsNamed(each, kOurExtension)) return StringAt(each, directory);
    }
    return "";
  }
  return "";
}

Result<> RemoveFromKubeconfigFile(const std::string& path, const std::string& name) {
  const Json before = TRY(ReadDocument(path));
  const bool is_there = std::any_of(std::begin(kLists), std::end(kLists), [&](const char* list) {
    return Find(before, list, name) != nullptr;
  });
  if (!is_there) return {};  // Also where nobody may write, or somebody has it locked.
  const auto lock = TRY(KubeconfigLock::Take({path}));
  Json document = TRY(ReadDocument(path));
  bool removed = false;
  for (const char* list : kLists) removed |= Erase(document, list, name);
  if (!removed) return {};
  if (document.value(kCurrent, Json()) == name) document[kCurrent] = "";
  return WriteUsersFile(path, DumpYaml(document), kEntryMode, kEntryMode);
}

Result<bool> RemoveOwnEntry(const std::string& path, const std::string& name,
                            const std::string& own_path) {
  const Json document = TRY(ReadDocument(path));
  const Json own = TRY(ReadDocument(own_path));
  if (!IsOwn(document, name, own)) return false;
  TRY(RemoveFromKubeconfigFile(path, name));
  return true;
}

const Kubeconfig::Cluster* ClusterNamedBy(const Kubeconfig& config, const std::string& context) {
  const auto chosen = config.contexts.find(context.empty() ? config.current_context : context);
  if (chosen == config.contexts.end()) return nullptr;
  const auto cluster = config.clusters.find(chosen->second.cluster);
  return cluster == config.clusters.end() ? nullptr : &cluster->second;
}

Result<> CheckCertificateData(const Kubeconfig& config, const std::string& context) {
  const Kubeconfig::Cluster* cluster = ClusterNamedBy(config, context);
  if (cluster == nullptr) return {};
  const Kubeconfig::Context& chosen =
      config.contexts.at(context.empty() ? config.current_context : context);
  const auto wrong = [](const char* field, const char* kind, const std::string& name,
                        const char* what) {
    return Fail(Reason::kInvalid, fmt::format("{} of {} {}: {}", field, kind, GoQuote(name), what));
  };
  const auto is_certificate = [](const std::string& data) {
    return data.empty() || ReadCertificates(data).has_value();
  };
  if (!is_certificate(cluster->certificate_authority_data)) {
    return wrong("certificate-authority-data", "cluster", chosen.cluster,
                 "there is no certificate in it that can be read");
  }
  const auto user = config.users.find(chosen.user);
  if (user == config.users.end()) return {};
  const auto& [name, entry] = *user;
  if (!is_certificate(entry.client_certificate_data)) {
    return wrong("client-certificate-data", "user", name,
                 "there is no certificate in it that can be read");
  }
  if (!entry.client_key_data.empty() && !RewrittenKey(entry.client_key_data)) {
    return wrong("client-key-data", "user", name, "there is no private key in it that can be read");
  }
  return {};
}

}  // namespace skiff
