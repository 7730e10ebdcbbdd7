// Volumes of kinds that Kubernetes served itself once, and a CSI driver serves now: what they are
// to that driver. Whoever attaches, mounts, counts or places them looks at what is said here
// instead.
//
//   awsElasticBlockStore {volumeID: aws://us-east-1a/vol-1}
//     -> csi {driver: ebs.csi.aws.com, volumeHandle: vol-1, volumeAttributes: {partition: "0"}}
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/gen/core_v1.h"
#include "base/error.h"

namespace skiff {

struct MigratedPlugin {
  std::string_view name;  // Of the plugin, which is also the provisioner of its classes.
  std::string_view driver;
};
// In the order of their names.
std::span<const MigratedPlugin> MigratedPlugins();
// "": there was no such plugin.
std::string_view DriverInPlaceOf(std::string_view plugin);

// The plugin that the volume was of; "" of others.
std::string_view MigratedPluginOf(const core_v1::PersistentVolume& volume);
std::string_view MigratedPluginOf(const core_v1::Volume& volume);

// On a CSINode: the plugins whose drivers the node mounts by, with commas between them.
inline constexpr std::string_view kMigratedPlugins = "storage.alpha.kubernetes.io/migrated-plugins";

// The volume with the driver's source in the place of its own, and what it says of zones as the
// driver says it. One that is of no such plugin is what it was.
Result<core_v1::PersistentVolume> AsCsi(const core_v1::PersistentVolume& volume);
// Of a pod's volume that no claim stands for; `pod_namespace` has its Secrets. Its name tells it
// from others of that driver. Fails where it is of no such plugin.
Result<core_v1::PersistentVolume> AsCsi(const core_v1::Volume& volume,
                                        const std::string& pod_namespace);

}  // namespace skiff
