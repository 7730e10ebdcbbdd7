// kubeconfig files as documents, so that what we do not know stays.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/json_text.h"
#include "client/kubeconfig_lock.h"

namespace skiff::cli {

struct ConfigFile {
  std::string path;
  Json document;
  std::unique_ptr<KubeconfigLock> lock = nullptr;  // Of who changes it, and only of those.
};

// Those that there are of --kubeconfig, KUBECONFIG or ~/.kube/config.
Result<std::vector<ConfigFile>> LoadConfigFiles(Command& command);
// The first file that defines a name wins; entries are sorted by name.
Json MergedConfig(const std::vector<ConfigFile>& files);
// The entry of "clusters", "contexts" or "users"; nullptr when there is none.
Json* FindConfigEntry(Json& document, const char* list, const std::string& name);
// Writes the file whole, or leaves it as it was.
Result<> SaveConfig(const ConfigFile& file);
// Keeps others from changing the files; taken before they are read for a change.
Result<std::unique_ptr<KubeconfigLock>> LockConfigFiles(Command& command);
// For a change, with the lock: the file that holds the entry, else the first of the list. `list`
// may be null.
Result<ConfigFile> ConfigFileFor(Command& command, const char* list, const std::string& name);
// The file that says which context is the current one; nullptr when none does.
ConfigFile* FileOfCurrentContext(std::vector<ConfigFile>& files);
// How paths of files are written: as they were given, or from the kubeconfig's own folder where
// they are below it, so that the folder can be moved.
enum class ConfigPaths : uint8_t { kAsGiven, kBesideTheFile };
// Changes the inner object of an entry, made where it is missing; true when it was there.
Result<bool> ChangeConfigEntry(Command& command, const char* list, const char* inner,
                               const std::string& name, const Json& changes,
                               ConfigPaths paths = ConfigPaths::kAsGiven);
// The paths in a cluster or user of the kubeconfig `file`, written as kBesideTheFile says.
Result<> PutPathsBeside(const std::string& file, Json& held);

// The one word that the verb wants; `what` it names.
Result<std::string> OneConfigName(Command& command, const Args& args, const char* what);
// A path made absolute, or the file's content where it is to be embedded: the path is taken from
// the folder where the program runs.
Result<> PutConfigFile(const std::string& path, bool embed, const std::string& field,
                       Json& changes);

Result<> RunConfigSetCredentials(Command& command, const Args& args);
Result<> RunConfigRenameContext(Command& command, const Args& args);
Result<> RunConfigSet(Command& command, const Args& args);
Result<> RunConfigUnset(Command& command, const Args& args);

}  // namespace skiff::cli
