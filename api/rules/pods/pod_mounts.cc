// Where containers see their volumes: as directories, or as block devices.
#include <algorithm>
#include <map>
#include <set>

#include "api/rules/checks.h"
#include "api/rules/pods/pod_spec_validation.h"

namespace skiff {
namespace {

using namespace core_v1;

void ValidatePropagation(const VolumeMount& mount, bool privileged, const FieldPath& path,
                         Violations& out) {
  if (!mount.mount_propagation) return;
  CheckOneOf(*mount.mount_propagation, {"Bidirectional", "HostToContainer", "None"}, path, out);
  if (*mount.mount_propagation == "Bidirectional" && !privileged) {
    out.Forbidden(path,
                  "Bidirectional mount propagation is available only to privileged containers");
  }
}

void ValidateRecursiveReadOnly(const VolumeMount& mount, const FieldPath& path, Violations& out) {
  if (!mount.recursive_read_only) return;
  const std::string& mode = *mount.recursive_read_only;
  if (mode == "Enabled" || mode == "IfPossible") {
    if (!mount.read_only) out.Forbidden(path, "may only be specified when readOnly is true");
    if (mount.mount_propagation && *mount.mount_propagation != "None") {
      out.Forbidden(path, "may only be specified when mountPropagation is None or not specified");
    }
    return;
  }
  CheckOneOf(mode, {"Disabled", "Enabled", "IfPossible"}, path, out);
}

// Kubernetes reports some of these without the index of the mount.
void ValidateMountOptions(const VolumeMount& mount, bool privileged, const FieldPath& path,
                          const FieldPath& at, Violations& out) {
  if (!mount.sub_path.empty()) CheckRelativePath(mount.sub_path, path.Child("subPath"), out);
  if (!mount.sub_path_expr.empty()) {
    if (!mount.sub_path.empty()) {
      out.Invalid(at.Child("subPathExpr"), mount.sub_path_expr,
                  "subPathExpr and subPath are mutually exclusive");
    }
    CheckRelativePath(mount.sub_path_expr, path.Child("subPathExpr"), out);
  }
  ValidatePropagation(mount, privileged, path.Child("mountPropagation"), out);
  ValidateRecursiveReadOnly(mount, path.Child("recursiveReadOnly"), out);
}

// The names and paths that a list of mounts or devices uses.
struct InUse {
  std::set<std::string_view> names;
  std::set<std::string_view> paths;  // Of a volume that is named twice only the last one counts.
};

template <typename Use>
InUse UsesOf(const std::vector<Use>& uses, std::string Use::* path) {
  std::map<std::string_view, std::string_view> path_of;
  for (const Use& use : uses) path_of[use.name] = use.*path;
  InUse in_use;
  for (const auto& [name, used] : path_of) {
    in_use.names.insert(name);
    in_use.paths.insert(used);
  }
  return in_use;
}

template <typename AnyContainer>
void ValidateVolumeMounts(const AnyContainer& container, const PodSpecContext& context,
                          const FieldPath& path, Violations& out) {
  const bool privileged =
      container.security_context && container.security_context->privileged.value_or(false);
  const InUse devices = UsesOf(container.volume_devices, &VolumeDevice::device_path);
  std::set<std::string_view> paths;
  for (size_t i = 0; i < container.volume_mounts.size(); ++i) {
    const VolumeMount& mount = container.volume_mounts[i];
    const FieldPath at = path.Index(i);
    Require(mount.name, at.Child("name"), out);
    if (!context.volumes.contains(mount.name)) out.NotFound(at.Child("name"), mount.name);
    Require(mount.mount_path, at.Child("mountPath"), out);
    if (!paths.insert(mount.mount_path).second) {
      out.Invalid(at.Child("mountPath"), mount.mount_path, "must be unique");
    }
    if (devices.names.contains(mount.name)) {
      out.Invalid(at.Child("name"), mount.name, "must not already exist in volumeDevices");
    }
    if (devices.paths.contains(mount.mount_path)) {
      out.Invalid(at.Child("mountPath"), mount.mount_path,
                  "must not already exist as a path in volumeDevices");
    }
    ValidateMountOptions(mount, privileged, path, at, out);
  }
}

void ValidateDeviceVolume(const VolumeDevice& device, const PodSpecContext& context,
                          const FieldPath& path, Violations& out) {
  const auto volume = context.volumes.find(device.name);
  if (volume == context.volumes.end()) {
    out.NotFound(path, device.name);
  } else if (!volume->second->persistent_volume_claim && !volume->second->ephemeral) {
    out.Invalid(path, device.name,
                "can only use volume source type of PersistentVolumeClaim or Ephemeral for block "
                "mode");
  }
}

template <typename AnyContainer>
void ValidateVolumeDevices(const AnyContainer& container, const PodSpecContext& context,
                           const FieldPath& path, Violations& out) {
  const InUse mounts = UsesOf(container.volume_mounts, &VolumeMount::mount_path);
  std::set<std::string_view> names;
  std::set<std::string_view> paths;
  for (size_t i = 0; i < container.volume_devices.size(); ++i) {
    const VolumeDevice& device = container.volume_devices[i];
    const FieldPath name = path.Index(i).Child("name");
    const FieldPath device_path = path.Index(i).Child("devicePath");
    Require(device.name, name, out);
    if (names.contains(device.name)) out.Invalid(name, device.name, "must be unique");
    if (!device.name.empty()) names.insert(device.name);
    ValidateDeviceVolume(device, context, name, out);
    Require(device.device_path, device_path, out);
    if (paths.contains(device.device_path)) {
      out.Invalid(device_path, device.device_path, "must be unique");
    }
    Violations backsteps;
    CheckNoBacksteps(device.device_path, device_path, backsteps);
    if (backsteps.empty()) {
      paths.insert(device.device_path);
    } else {
      out.Invalid(device_path, device.device_path, "can not contain backsteps ('..')");
    }
    if (mounts.names.contains(device.name)) {
      out.Invalid(name, device.name, "must not already exist in volumeMounts");
    }
    if (mounts.paths.contains(device.device_path)) {
      out.Invalid(device_path, device.device_path,
                  "must not already exist as a path in volumeMounts");
    }
  }
}

}  // namespace

template <typename AnyContainer>
void ValidateMounts(const AnyContainer& container, const PodSpecContext& context,
                    const FieldPath& path, Violations& out) {
  ValidateVolumeMounts(container, context, path.Child("volumeMounts"), out);
  ValidateVolumeDevices(container, context, path.Child("volumeDevices"), out);
}

template void ValidateMounts(const Container&, const PodSpecContext&, const FieldPath&,
                             Violations&);
template void ValidateMounts(const EphemeralContainer&, const PodSpecContext&, const FieldPath&,
                             Violations&);

}  // namespace skiff
