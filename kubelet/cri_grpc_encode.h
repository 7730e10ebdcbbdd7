// What we ask of a runtime, as messages on the wire. Pure.
#pragma once

#include "kubelet/cri.h"
#include "kubelet/proto/cri_v1.pb.h"

namespace skiff::cri {

namespace pb = ::runtime::v1;

pb::PodSandboxConfig ToProto(const SandboxConfig& config);
pb::ContainerConfig ToProto(const ContainerConfig& config);
pb::LinuxContainerResources ToProto(const LinuxResources& resources);
pb::PodSandboxFilter ToProto(const SandboxFilter& filter);
pb::ContainerFilter ToProto(const ContainerFilter& filter);
pb::AuthConfig ToProto(const RegistryAuth& auth);

}  // namespace skiff::cri
