// What a CSI driver is told of a pod beside the volume, and whether the kubelet sets the volume's
// group, by the CSIDriver object.
#pragma once

#include <string>
#include <vector>

#include "api/gen/storage_v1.h"
#include "kubelet/csi_grpc.h"
#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet::csi {

// Whether the driver serves volumes of this lifecycle. `driver` may be nullptr.
Result<> CheckLifecycle(const storage_v1::CSIDriver* driver, const std::string& name,
                        const std::string& lifecycle);

// Whether files become the group's of the pod. `driver` may be nullptr. Pure.
bool WantsFsGroup(const storage_v1::CSIDriver* driver, const std::string& fs_type,
                  const std::vector<std::string>& access_modes, bool is_inline);

// The pod's fsGroup, decimal; "" without.
std::string GroupText(const core_v1::Pod& pod);

// The values of a Secret. `what`: "NodeStageSecretRef".
Result<StringMap> SecretsOf(const VolumeSources& sources, const std::string& namespace_,
                            const std::string& name, const std::string& what);

// Adds the pod's names and tokens of its service account, as the driver wants them.
Result<> AddPodContext(const storage_v1::CSIDriver& driver, const VolumeInput& input,
                       bool is_inline, VolumeCall& call);

}  // namespace skiff::kubelet::csi
