#include "controllers/storage/builtin_provisioners.h"

#include <fmt/format.h>

#include <string_view>

#include "controllers/storage/volume_match.h"

namespace skiff {
namespace {

constexpr std::string_view kBuiltinPrefix = "kubernetes.io/";

struct Successor {
  std::string_view provisioner;
  std::string_view driver;
};
constexpr Successor kSuccessors[] = {
    {"kubernetes.io/aws-ebs", "ebs.csi.aws.com"},
    {"kubernetes.io/azure-disk", "disk.csi.azure.com"},
    {"kubernetes.io/azure-file", "file.csi.azure.com"},
    {"kubernetes.io/cinder", "cinder.csi.openstack.org"},
    {"kubernetes.io/gce-pd", "pd.csi.storage.gke.io"},
    {"kubernetes.io/portworx-volume", "pxd.portworx.com"},
    {"kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"},
};

}  // namespace

std::optional<std::string> ProvisionerNow(const std::string& provisioner) {
  if (!provisioner.starts_with(kBuiltinPrefix)) return provisioner;
  if (provisioner == kHostPathProvisioner) return provisioner;
  std::string driver = SuccessorOf(provisioner);
  if (driver.empty()) return std::nullopt;
  return driver;
}

std::string SuccessorOf(const std::string& provisioner) {
  for (const Successor& each : kSuccessors) {
    if (each.provisioner == provisioner) return std::string(each.driver);
  }
  return "";
}

std::string FormerProvisionerOf(const core_v1::PersistentVolume& volume) {
  const core_v1::PersistentVolumeSpec& spec = volume.spec;
  if (spec.aws_elastic_block_store) return "kubernetes.io/aws-ebs";
  if (spec.azure_disk) return "kubernetes.io/azure-disk";
  if (spec.azure_file) return "kubernetes.io/azure-file";
  if (spec.cinder) return "kubernetes.io/cinder";
  if (spec.gce_persistent_disk) return "kubernetes.io/gce-pd";
  if (spec.portworx_volume) return "kubernetes.io/portworx-volume";
  if (spec.vsphere_volume) return "kubernetes.io/vsphere-volume";
  return "";
}

std::string WhyNoDirectory(const core_v1::PersistentVolumeClaim& claim,
                           const std::string& provisioner, const std::string& storage_class) {
  if (claim.spec.data_source || claim.spec.data_source_ref) {
    return fmt::format(
        "plugin \"{}\" is not a CSI plugin. Only CSI plugin can provision a claim "
        "with a datasource",
        provisioner);
  }
  // A volume that nobody can give the attributes would never match its claim.
  const bool has_attributes = !claim.spec.volume_attributes_class_name.value_or("").empty();
  if (!has_attributes && claim.spec.volume_mode != "Block") return "";
  return fmt::format("Failed to provision volume with StorageClass \"{}\": {} does not support {}",
                     storage_class, provisioner,
                     has_attributes ? "volume attributes classes" : "block volume provisioning");
}

std::string WhyNotDeleted(const core_v1::PersistentVolume& volume) {
  const auto& annotations = volume.metadata.annotations;
  if (annotations.contains(std::string(kMigratedTo))) return "";
  const auto made_by = annotations.find(std::string(kProvisionedBy));
  if (made_by != annotations.end() && !made_by->second.empty()) {
    if (!made_by->second.starts_with(kBuiltinPrefix)) return "";
    return "no volume plugin matched name: " + made_by->second;
  }
  if (volume.spec.csi) return "";
  if (!volume.spec.host_path) {
    return fmt::format("error getting deleter volume plugin for volume \"{}\": no {}volume plugin "
                       "matched",
                       volume.metadata.name, volume.spec.nfs ? "deletable " : "");
  }
  // Whoever may make volumes could have any directory of this machine deleted otherwise.
  return "host_path deleter only supports /tmp/.+ but received provided " +
         volume.spec.host_path->path;
}

}  // namespace skiff
