// configMap, secret, downwardAPI and projected volumes: files made from objects, and tokens.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <filesystem>

#include "kubelet/downward.h"
#include "kubelet/volumes/atomic_files.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/memory_mount.h"
#include "kubelet/volumes/token_cache.h"
#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr int32_t kModeDefault = 0644;
constexpr mode_t kDirectoryMode = 0777;

using Files = std::map<std::string, FileContent>;
using Entries = std::map<std::string, std::string>;

// With fsGroup the group may read what would be the owner's alone.
unsigned ModeFor(const core_v1::Pod& pod, std::optional<int32_t> own, int32_t fallback) {
  auto mode = static_cast<unsigned>(own.value_or(fallback));
  if (pod.spec.security_context && pod.spec.security_context->fs_group) mode |= 0440;
  return mode & 0777;
}

// The entries that `items` choose, or all of them. A missing key is an error unless all is
// optional.
template <typename Item>
Result<> AddEntries(const core_v1::Pod& pod, const Entries& entries, const std::vector<Item>& items,
                    int32_t mode, bool optional, const std::string& missing, Files& out) {
  if (items.empty()) {
    for (const auto& [key, value] : entries) {
      out[key] = {value, ModeFor(pod, std::nullopt, mode)};
    }
    return {};
  }
  for (const Item& item : items) {
    const auto found = entries.find(item.key);
    if (found == entries.end()) {
      if (optional) continue;
      return Fail(Reason::kNotFound, missing + item.key);
    }
    out[item.path] = {found->second, ModeFor(pod, item.mode, mode)};
  }
  return {};
}

template <typename Spec>
Result<> AddConfigMap(const VolumeInput& input, const Spec& spec, int32_t mode, Files& out) {
  const bool optional = spec.optional.value_or(false);
  const auto found = input.sources.config_map(input.pod.metadata.namespace_, spec.name);
  if (!found) {
    if (found.error().reason != Reason::kNotFound) return tl::unexpected(found.error());
    if (optional) return {};
    return Fail(Reason::kNotFound, fmt::format("configmap \"{}\" not found", spec.name));
  }
  Entries entries = (*found)->data;
  entries.insert((*found)->binary_data.begin(), (*found)->binary_data.end());
  return AddEntries(input.pod, entries, spec.items, mode, optional,
                    "configmap references non-existent config key: ", out);
}

template <typename Spec>
Result<> AddSecret(const VolumeInput& input, const Spec& spec, const std::string& name,
                   int32_t mode, Files& out) {
  const bool optional = spec.optional.value_or(false);
  const auto found = input.sources.secret(input.pod.metadata.namespace_, name);
  if (!found) {
    if (found.error().reason != Reason::kNotFound) return tl::unexpected(found.error());
    if (optional) return {};
    return Fail(Reason::kNotFound, fmt::format("secret \"{}\" not found", name));
  }
  return AddEntries(input.pod, (*found)->data, spec.items, mode, optional,
                    "references non-existent secret key: ", out);
}

Result<> AddDownward(const VolumeInput& input,
                     const std::vector<core_v1::DownwardAPIVolumeFile>& items, int32_t mode,
                     Files& out) {
  for (const auto& item : items) {
    std::string text;
    if (item.field_ref) {
      text = TRY(FieldText(input.pod, item.field_ref->field_path));
    } else if (item.resource_field_ref) {
      text = TRY(
          ResourceText(input.pod, *item.resource_field_ref, "", input.sources.node_allocatable));
    }
    out[item.path] = {text, ModeFor(input.pod, item.mode, mode)};
  }
  return {};
}

// The user that all containers of the pod run as; nullopt when there is none, or several.
std::optional<int64_t> OnlyUser(const core_v1::Pod& pod) {
  std::optional<int64_t> of_pod;
  if (pod.spec.security_context) of_pod = pod.spec.security_context->run_as_user;
  std::optional<int64_t> only;
  bool is_first = true;
  for (const auto* list : {&pod.spec.init_containers, &pod.spec.containers}) {
    for (const auto& container : *list) {
      std::optional<int64_t> own = of_pod;
      if (container.security_context && container.security_context->run_as_user) {
        own = container.security_context->run_as_user;
      }
      if (!own || (!is_first && own != only)) return std::nullopt;
      only = own;
      is_first = false;
    }
  }
  return only;
}

// A token is for the one user that runs in the pod, or for its group, where there is such.
FileContent TokenFile(const core_v1::Pod& pod, std::string token, int32_t mode) {
  FileContent file{std::move(token), ModeFor(pod, std::nullopt, mode)};
  const auto user = OnlyUser(pod);
  const bool has_group = pod.spec.security_context && pod.spec.security_context->fs_group;
  if (user) file.owner = static_cast<uid_t>(*user);
  if (user || has_group) file.mode = has_group ? 0640 : 0600;
  return file;
}

Result<> AddToken(const VolumeInput& input, const core_v1::ServiceAccountTokenProjection& spec,
                  int32_t mode, Files& out) {
  if (!input.sources.token) return {};
  constexpr int64_t kExpirationDefault = 3600;
  const int64_t seconds = spec.expiration_seconds.value_or(kExpirationDefault);
  const std::string kept = input.directory + "/..data/" + spec.path;
  auto token = KeptToken(kept, seconds, input.clock.Now());
  if (!token) token = TRY(input.sources.token(input.pod, spec.audience, seconds));
  out[spec.path] = TokenFile(input.pod, std::move(*token), mode);
  return {};
}

// Whether an earlier time has put something there, which is still where it belongs.
bool HasContents(const VolumeInput& input, bool in_memory) {
  std::error_code error;
  return fs::exists(input.directory + "/..data", error) &&
         (!in_memory || input.mounts.IsMemory(input.directory));
}

Result<std::string> Write(const VolumeInput& input, const Result<Files>& files, bool in_memory) {
  const std::string& directory = input.directory;
  if (!files) {
    // A pod that has started goes on with what it has, until there is something newer.
    if (HasContents(input, in_memory)) return directory;
    return tl::unexpected(files.error());
  }
  if (in_memory) {
    TRY(input.mounts.EnsureMemory(
        directory, MemoryMountBytes(input.pod, input.sources.node_allocatable, std::nullopt)));
  } else {
    TRY(MakeDirectories(directory, kDirectoryMode));
  }
  TRY(WriteFilesAtomically(directory, *files, input.clock.Now(), FsGroupOf(input.pod, true)));
  return directory;
}

Result<Files> ConfigMapFiles(const VolumeInput& input) {
  Files files;
  const auto& spec = *input.volume.config_map;
  TRY(AddConfigMap(input, spec, spec.default_mode.value_or(kModeDefault), files));
  return files;
}

Result<Files> SecretFiles(const VolumeInput& input) {
  Files files;
  const auto& spec = *input.volume.secret;
  TRY(AddSecret(input, spec, spec.secret_name, spec.default_mode.value_or(kModeDefault), files));
  return files;
}

Result<Files> DownwardFiles(const VolumeInput& input) {
  Files files;
  const auto& spec = *input.volume.downward_api;
  TRY(AddDownward(input, spec.items, spec.default_mode.value_or(kModeDefault), files));
  return files;
}

Result<> AddProjection(const VolumeInput& input, const core_v1::VolumeProjection& source,
                       int32_t mode, Files& files) {
  if (source.config_map) return AddConfigMap(input, *source.config_map, mode, files);
  if (source.secret) return AddSecret(input, *source.secret, source.secret->name, mode, files);
  if (source.downward_api) return AddDownward(input, source.downward_api->items, mode, files);
  if (source.service_account_token) {
    return AddToken(input, *source.service_account_token, mode, files);
  }
  // Left out, the pod would run without what it asked for.
  return Fail(Reason::kInvalid, "a source of the projected volume is not supported by this node");
}

Result<Files> ProjectedFiles(const VolumeInput& input) {
  Files files;
  const auto& spec = *input.volume.projected;
  const int32_t mode = spec.default_mode.value_or(kModeDefault);
  std::vector<std::string> problems;
  for (const auto& source : spec.sources) {
    const auto added = AddProjection(input, source, mode, files);
    if (!added) problems.push_back(added.error().message);
  }
  if (problems.empty()) return files;
  if (problems.size() == 1) return Fail(Reason::kNotFound, problems.front());
  return Fail(Reason::kNotFound, fmt::format("[{}]", fmt::join(problems, ", ")));
}

Result<> Found(const Result<Files>& files) {
  if (!files) return tl::unexpected(files.error());
  return {};
}

}  // namespace

Result<> FindConfigMap(const VolumeInput& input) {
  return Found(ConfigMapFiles(input));
}

Result<> FindSecret(const VolumeInput& input) {
  return Found(SecretFiles(input));
}

Result<> FindDownwardApi(const VolumeInput& input) {
  return Found(DownwardFiles(input));
}

Result<> FindProjected(const VolumeInput& input) {
  return Found(ProjectedFiles(input));
}

// Secrets never reach a disk: what holds them lies in memory, or the pod does not start.

Result<std::string> SetUpConfigMap(const VolumeInput& input) {
  return Write(input, ConfigMapFiles(input), false);
}

Result<std::string> SetUpSecret(const VolumeInput& input) {
  return Write(input, SecretFiles(input), true);
}

Result<std::string> SetUpDownwardApi(const VolumeInput& input) {
  return Write(input, DownwardFiles(input), true);
}

Result<std::string> SetUpProjected(const VolumeInput& input) {
  return Write(input, ProjectedFiles(input), true);
}

}  // namespace skiff::kubelet
