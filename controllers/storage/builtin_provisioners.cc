#include "controllers/storage/builtin_provisioners.h"

#include <fmt/format.h>

#include <string_view>

#include "api/pods/migrated_volumes.h"
#include "controllers/storage/volume_match.h"

namespace skiff {
namespace {

constexpr std::string_view kBuiltinPrefix = "kubernetes.io/";

}  // namespace

std::optional<std::string> ProvisionerNow(const std::string& provisioner) {
  if (!provisioner.starts_with(kBuiltinPrefix)) return provisioner;
  if (provisioner == kHostPathProvisioner) return provisioner;
  const std::string_view driver = DriverInPlaceOf(provisioner);
  if (driver.empty()) return std::nullopt;
  return std::string(driver);
}

bool SaysWhoFollows(const std::map<std::string, std::string>& annotations,
                    const std::string& provisioner) {
  const auto said = annotations.find(std::string(kMigratedTo));
  return (said == annotations.end() ? "" : said->second) == DriverInPlaceOf(provisioner);
}

void SayWhoFollows(std::map<std::string, std::string>& annotations,
                   const std::string& provisioner) {
  const std::string_view driver = DriverInPlaceOf(provisioner);
  if (driver.empty()) {
    annotations.erase(std::string(kMigratedTo));
  } else {
    annotations[std::string(kMigratedTo)] = driver;
  }
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
