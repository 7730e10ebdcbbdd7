// configMap, secret, downwardAPI and projected volumes: files made from objects, and tokens.
#include <fmt/format.h>
#include <sys/mount.h>

#include <filesystem>

#include "kubelet/downward.h"
#include "kubelet/volumes/atomic_files.h"
#include "kubelet/volumes/token_cache.h"
#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr int32_t kModeDefault = 0644;

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
                    int32_t mode, bool optional, const std::string& source, Files& out) {
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
      return Fail(Reason::kNotFound, source + " references non-existent config key: " + item.key);
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
  return AddEntries(input.pod, entries, spec.items, mode, optional, "configmap", out);
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
  return AddEntries(input.pod, (*found)->data, spec.items, mode, optional, "secret", out);
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

Result<> AddToken(const VolumeInput& input, const core_v1::ServiceAccountTokenProjection& spec,
                  int32_t mode, Files& out) {
  constexpr int64_t kExpirationDefault = 3600;
  const int64_t seconds = spec.expiration_seconds.value_or(kExpirationDefault);
  const std::string kept = input.directory + "/..data/" + spec.path;
  auto token = KeptToken(kept, seconds, input.clock.Now());
  if (!token) token = TRY(input.sources.token(input.pod, spec.audience, seconds));
  out[spec.path] = {*token, ModeFor(input.pod, std::nullopt, mode)};
  return {};
}

// Secrets stay in memory: their directory is a tmpfs where this process may mount one.
Result<> MakeDirectory(const std::string& directory, bool in_memory) {
  std::error_code error;
  if (fs::is_directory(directory, error)) return {};
  fs::create_directories(directory, error);
  if (error) {
    return Fail(Reason::kInternalError, "mkdir " + directory + ": " + error.message());
  }
  if (in_memory &&
      mount("tmpfs", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0 &&
      errno != EPERM) {
    const int code = errno;
    fs::remove(directory, error);
    return Fail(Reason::kInternalError, "mount tmpfs: " + std::generic_category().message(code));
  }
  return {};
}

Result<std::string> Write(const VolumeInput& input, const Files& files, bool in_memory) {
  TRY(MakeDirectory(input.directory, in_memory));
  TRY(WriteFilesAtomically(input.directory, files, input.clock.Now()));
  ApplyFsGroup(input.pod, input.directory, true);
  return input.directory;
}

}  // namespace

Result<std::string> SetUpConfigMap(const VolumeInput& input) {
  Files files;
  const auto& spec = *input.volume.config_map;
  TRY(AddConfigMap(input, spec, spec.default_mode.value_or(kModeDefault), files));
  return Write(input, files, false);
}

Result<std::string> SetUpSecret(const VolumeInput& input) {
  Files files;
  const auto& spec = *input.volume.secret;
  TRY(AddSecret(input, spec, spec.secret_name, spec.default_mode.value_or(kModeDefault), files));
  return Write(input, files, true);
}

Result<std::string> SetUpDownwardApi(const VolumeInput& input) {
  Files files;
  const auto& spec = *input.volume.downward_api;
  TRY(AddDownward(input, spec.items, spec.default_mode.value_or(kModeDefault), files));
  return Write(input, files, false);
}

Result<std::string> SetUpProjected(const VolumeInput& input) {
  Files files;
  const auto& spec = *input.volume.projected;
  const int32_t mode = spec.default_mode.value_or(kModeDefault);
  for (const auto& source : spec.sources) {
    if (source.config_map) TRY(AddConfigMap(input, *source.config_map, mode, files));
    if (source.secret) TRY(AddSecret(input, *source.secret, source.secret->name, mode, files));
    if (source.downward_api) TRY(AddDownward(input, source.downward_api->items, mode, files));
    if (source.service_account_token) {
      TRY(AddToken(input, *source.service_account_token, mode, files));
    }
  }
  return Write(input, files, true);
}

}  // namespace skiff::kubelet
