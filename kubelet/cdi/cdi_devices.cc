#include "kubelet/cdi/cdi_devices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet::cdi {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPermissionBits = 07777;

struct File {
  std::string path;
  size_t priority = 0;
  Result<Spec> spec;
};

std::vector<File> ReadFiles(const std::vector<std::string>& directories) {
  std::vector<File> files;
  for (size_t priority = 0; priority < directories.size(); ++priority) {
    std::vector<std::string> paths;
    std::error_code error;
    for (fs::directory_iterator it(directories[priority], error), end;
         !error && it != end && paths.size() < CdiDevices::kFilesMax; it.increment(error)) {
      const auto extension = it->path().extension();
      if (extension == ".json" || extension == ".yaml") paths.push_back(it->path());
    }
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      // Drivers may keep the file itself elsewhere. Only root writes these directories.
      std::error_code unresolved;
      const auto file_path = fs::canonical(path, unresolved);
      const auto file = OpenRegularFile(unresolved ? path : file_path.string());
      const auto text = file ? ReadWhole(*file, CdiDevices::kFileBytesMax)
                             : Result<std::string>(Fail(file.error()));
      files.push_back({path, priority, text ? ParseSpec(*text) : Result<Spec>(Fail(text.error()))});
    }
  }
  return files;
}

struct Found {
  const File* file = nullptr;
  const Edits* edits = nullptr;
};

Result<Found> FindDevice(const std::vector<File>& files, const std::string& name) {
  const auto parsed = ParseDeviceName(name);
  Found best;
  bool is_ambiguous = false;
  for (const File& file : files) {
    if (!parsed || !file.spec || file.spec->kind != parsed->kind) continue;
    const auto device = file.spec->devices.find(parsed->device);
    if (device == file.spec->devices.end()) continue;
    is_ambiguous = best.file != nullptr && best.file->priority == file.priority;
    best = {&file, &device->second};
  }
  if (best.file != nullptr && !is_ambiguous) return best;
  // A file that could not be read may be the one that has it.
  std::string why;
  for (const File& file : files) {
    if (file.spec) continue;
    why +=
        fmt::format("; failed to parse CDI Spec \"{}\": {}", file.path, file.spec.error().message);
  }
  return Fail(Reason::kNotFound,
              fmt::format("CDI device injection failed: unresolvable CDI devices {}{}", name,
                          is_ambiguous ? ": several files have it" : why));
}

// The runtime takes of a device what the host's node has.
Result<> CheckNode(const DeviceNode& node, const std::string& host_path) {
  struct stat info {};
  if (stat(host_path.c_str(), &info) != 0) {
    const int code = errno;
    return Fail(SystemError("CDI device injection failed: stat " + host_path, code));
  }
  // Of a directory the runtime would give all devices below it.
  if (!S_ISBLK(info.st_mode) && !S_ISCHR(info.st_mode) && !S_ISFIFO(info.st_mode)) {
    return Fail(Reason::kInvalid,
                fmt::format("CDI device injection failed: \"{}\" is not a device node", host_path));
  }
  const char type = S_ISBLK(info.st_mode) ? 'b' : S_ISCHR(info.st_mode) ? 'c' : 'p';
  const bool is_type =
      node.type.empty() || node.type[0] == type || (node.type == "u" && type == 'c');
  const auto is = [](const std::optional<int64_t>& wanted, int64_t value) {
    return !wanted || *wanted == value;
  };
  // Without a major number both are the host's.
  const bool is_number = type == 'p' || node.major.value_or(0) == 0 ||
                         (*node.major == major(info.st_rdev) &&
                          node.minor.value_or(0) == static_cast<int64_t>(minor(info.st_rdev)));
  if (is_type && is_number && is(node.file_mode, info.st_mode & kPermissionBits) &&
      is(node.uid, info.st_uid) && is(node.gid, info.st_gid)) {
    return {};
  }
  return Fail(Reason::kInvalid,
              fmt::format("CDI device injection failed: device \"{}\" shall have another type, "
                          "number, mode or owner than the host's \"{}\", which the runtime cannot "
                          "be asked for",
                          node.path, host_path));
}

Result<> Apply(const Edits& edits, cri::ContainerConfig& container) {
  for (const auto& [name, value] : edits.env) {
    std::erase_if(container.envs, [&](const auto& each) { return each.first == name; });
    container.envs.emplace_back(name, value);
  }
  for (const DeviceNode& node : edits.nodes) {
    const std::string& host_path = node.host_path.empty() ? node.path : node.host_path;
    TRY(CheckNode(node, host_path));
    std::erase_if(container.devices,
                  [&](const auto& each) { return each.container_path == node.path; });
    container.devices.push_back(
        {node.path, host_path, node.permissions.empty() ? "rwm" : node.permissions});
  }
  for (const cri::Mount& mount : edits.mounts) {
    std::erase_if(container.mounts,
                  [&](const auto& each) { return each.container_path == mount.container_path; });
    container.mounts.push_back(mount);
  }
  auto& groups = container.security.supplemental_groups;
  for (const int64_t group : edits.groups) {
    // As the CDI library: the group of root is nothing to be added.
    if (group != 0 && std::find(groups.begin(), groups.end(), group) == groups.end()) {
      groups.push_back(group);
    }
  }
  return {};
}

}  // namespace

Result<> CdiDevices::Give(const std::vector<std::string>& names,
                          cri::ContainerConfig& container) const {
  if (names.empty()) return {};
  const std::vector<File> files = ReadFiles(directories_);
  std::set<const File*> seen;
  std::set<std::string> given;
  for (const auto& name : names) {
    if (!given.insert(name).second) continue;
    const Found found = TRY(FindDevice(files, name));
    if (seen.insert(found.file).second) TRY(Apply(found.file->spec->all, container));
    TRY(Apply(*found.edits, container));
  }
  return {};
}

}  // namespace skiff::kubelet::cdi
