// Provisioners that were built into Kubernetes once: which CSI driver does their work now, and what
// is said where none does. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/gen/core_v1.h"

namespace skiff {

// Of volumes that are a directory of whichever node the pod is on: --enable-hostpath-provisioner.
inline constexpr char kHostPathProvisioner[] = "kubernetes.io/host-path";

// The driver that provisions in the place of `provisioner`; itself where that is none of those.
// nullopt: nobody does any more.
std::optional<std::string> ProvisionerNow(const std::string& provisioner);

// On volumes that a driver looks after which does the work of a built-in provisioner now
// (api/pods/migrated_volumes.h): which one.
inline constexpr std::string_view kMigratedTo = "pv.kubernetes.io/migrated-to";
// Whether that is said, or not, as it has to be of what this provisioner made or is to make; and
// has it be.
bool SaysWhoFollows(const std::map<std::string, std::string>& annotations,
                    const std::string& provisioner);
void SayWhoFollows(std::map<std::string, std::string>& annotations, const std::string& provisioner);
// Until a built-in provisioner has deleted what it made: one that has a successor never will.
inline constexpr std::string_view kBuiltinDeletion = "kubernetes.io/pv-controller";

// Why a directory cannot be what the claim asks for; "": it can.
std::string WhyNoDirectory(const core_v1::PersistentVolumeClaim& claim,
                           const std::string& provisioner, const std::string& storage_class);

// Why nobody deletes a volume whose claim is gone; "": an external provisioner may.
std::string WhyNotDeleted(const core_v1::PersistentVolume& volume);

}  // namespace skiff
