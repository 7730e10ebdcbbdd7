// Between our CRI structs and the messages on the wire. Pure.
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

Sandbox FromProto(const pb::PodSandbox& sandbox);
SandboxStatus FromProto(const pb::PodSandboxStatus& status);
Container FromProto(const pb::Container& container);
ContainerStatus FromProto(const pb::ContainerStatus& status);
ContainerStats FromProto(const pb::ContainerStats& stats);
Image FromProto(const pb::Image& image);
FilesystemUsage FromProto(const pb::FilesystemUsage& usage);
RuntimeStatus FromProto(const pb::StatusResponse& response);

}  // namespace skiff::cri
