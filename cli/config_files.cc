#include "cli/config_files.h"

#include <algorithm>
#include <filesystem>

#include "api/text/yaml.h"
#include "base/text.h"
#include "base/whole_file.h"
#include "cli/config_types.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

Json EmptyConfig() {
  return {{"apiVersion", "v1"},  {"kind", "Config"}, {"clusters", nullptr},
          {"contexts", nullptr}, {"users", nullptr}, {"current-context", ""}};
}

std::vector<std::string> PathsOfConfigs(Command& command) {
  if (!command.globals().kubeconfig.empty()) return {command.globals().kubeconfig};
  Environment& environment = command.environment();
  std::vector<std::string> paths;
  for (const std::string& path : Split(environment.variable("KUBECONFIG"), ':')) {
    if (!path.empty()) paths.push_back(path);
  }
  if (paths.empty()) paths.push_back(environment.variable("HOME") + "/.kube/config");
  return paths;
}

// As kubectl writes contexts: their cluster and user are there even where there are none.
void NameWhatContextIsOf(Json& context) {
  if (!context.is_object()) context = Json::object();
  for (const char* of : {"cluster", "user"}) {
    if (!context.contains(of)) context[of] = "";
  }
}

void SortEntries(Json& document) {
  for (const char* list : {"clusters", "contexts", "users"}) {
    Json& entries = document[list];
    if (!entries.is_array()) continue;
    std::vector<Json> sorted(entries.begin(), entries.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const Json& a, const Json& b) {
      return TextAt(a, "name") < TextAt(b, "name");
    });
    entries = sorted.empty() ? Json() : Json(std::move(sorted));
  }
  if (const auto empty = document.find("preferences"); empty != document.end() && empty->empty()) {
    document.erase(empty);
  }
}

}  // namespace

Result<std::vector<ConfigFile>> LoadConfigFiles(Command& command) {
  std::vector<ConfigFile> files;
  for (const std::string& path : PathsOfConfigs(command)) {
    const auto text = ReadWholeFile(path);
    if (!text && text.error().reason == Reason::kNotFound) continue;
    // Taken for one that is missing it would be replaced by what is changed.
    if (!text) {
      return CliError(
          fmt::format("error loading config file \"{}\": {}", path, text.error().message));
    }
    auto parsed = ParseYaml(*text);
    if (!parsed) {
      return CliError(
          fmt::format("error loading config file \"{}\": {}", path, parsed.error().message));
    }
    Json document = parsed->value.is_object() ? std::move(parsed->value) : EmptyConfig();
    if (const auto whole = CheckConfigTypes(document); !whole) {
      return CliError(
          fmt::format("error loading config file \"{}\": {}", path, whole.error().message));
    }
    files.push_back({path, std::move(document)});
  }
  return files;
}

Json MergedConfig(const std::vector<ConfigFile>& files) {
  Json merged = EmptyConfig();
  for (const ConfigFile& file : files) {
    for (const char* list : {"clusters", "contexts", "users"}) {
      for (const Json& entry : At(file.document, list)) {
        bool known = false;
        for (const Json& present : At(merged, list)) {
          known |= TextAt(present, "name") == TextAt(entry, "name");
        }
        if (!known) merged[list].push_back(entry);
      }
    }
    if (const Json& preferences = At(file.document, "preferences"); preferences.is_object()) {
      Json& known = merged["preferences"];
      for (const auto& [name, value] : preferences.items()) {
        if (!known.contains(name)) known[name] = value;
      }
    }
    if (TextAt(merged, "current-context").empty()) {
      merged["current-context"] = TextAt(file.document, "current-context");
    }
  }
  for (Json& entry : merged["contexts"]) NameWhatContextIsOf(entry["context"]);
  SortEntries(merged);
  return merged;
}

Json* FindConfigEntry(Json& document, const char* list, const std::string& name) {
  const auto entries = document.find(list);
  if (entries == document.end() || !entries->is_array()) return nullptr;
  for (Json& entry : *entries) {
    if (TextAt(entry, "name") == name) return &entry;
  }
  return nullptr;
}

Result<> SaveConfig(const ConfigFile& file) {
  std::error_code code;
  const fs::path folder = fs::path(file.path).parent_path();
  if (!folder.empty()) fs::create_directories(folder, code);
  if (code) return CliError(fmt::format("mkdir {}: {}", folder.string(), Lower(code.message())));
  Json document = file.document;
  SortEntries(document);
  const auto written = WriteUsersFile(file.path, DumpYaml(document), 0600);
  if (!written) return CliError(written.error().message);
  return {};
}

Result<std::unique_ptr<KubeconfigLock>> LockConfigFiles(Command& command) {
  auto lock = KubeconfigLock::Take(PathsOfConfigs(command));
  if (!lock) return CliError(lock.error().message);
  return lock;
}

Result<ConfigFile> ConfigFileFor(Command& command, const char* list, const std::string& name) {
  auto lock = TRY(LockConfigFiles(command));
  auto files = TRY(LoadConfigFiles(command));
  ConfigFile chosen{PathsOfConfigs(command).back(), EmptyConfig()};
  if (!files.empty()) {
    const auto holder = std::find_if(files.begin(), files.end(), [&](ConfigFile& file) {
      return list && FindConfigEntry(file.document, list, name);
    });
    chosen = std::move(holder == files.end() ? files.front() : *holder);
  }
  chosen.lock = std::move(lock);
  return chosen;
}

ConfigFile* FileOfCurrentContext(std::vector<ConfigFile>& files) {
  for (ConfigFile& file : files) {
    if (!TextAt(file.document, "current-context").empty()) return &file;
  }
  return nullptr;
}

Result<> PutPathsBeside(const std::string& file, Json& held) {
  std::error_code code;
  const fs::path whole = fs::absolute(file, code);
  if (code) {
    return CliError(fmt::format("could not determine the absolute path of config file {}: {}", file,
                                Lower(code.message())));
  }
  const fs::path base = whole.lexically_normal().parent_path();
  for (const char* field :
       {"certificate-authority", "client-certificate", "client-key", "tokenFile"}) {
    const std::string path = TextAt(held, field);
    if (path.empty()) continue;
    const fs::path absolute = (base / path).lexically_normal();
    const fs::path beside = absolute.lexically_relative(base);
    const bool is_below = !beside.empty() && *beside.begin() != "..";
    held[field] = (is_below ? beside : absolute).string();
  }
  return {};
}

Result<bool> ChangeConfigEntry(Command& command, const char* list, const char* inner,
                               const std::string& name, const Json& changes, ConfigPaths paths) {
  ConfigFile file = TRY(ConfigFileFor(command, list, name));
  Json* entry = FindConfigEntry(file.document, list, name);
  const bool present = entry != nullptr;
  if (!entry) {
    Json& entries = file.document[list];
    if (!entries.is_array()) entries = Json::array();
    entries.push_back({{"name", name}, {inner, Json::object()}});
    entry = &entries.back();
  }
  Json& held = (*entry)[inner];
  held.merge_patch(changes);
  if (std::string_view(inner) == "context") NameWhatContextIsOf(held);
  if (paths == ConfigPaths::kBesideTheFile) TRY(PutPathsBeside(file.path, held));
  TRY(SaveConfig(file));
  return present;
}

}  // namespace skiff::cli
