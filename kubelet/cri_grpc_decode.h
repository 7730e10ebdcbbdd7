// What a runtime answers, as our structs. Pure.
#pragma once

#include "kubelet/cri.h"
#include "kubelet/proto/cri_v1.pb.h"

namespace skiff::cri {

namespace pb = ::runtime::v1;

Sandbox FromProto(const pb::PodSandbox& sandbox);
SandboxStatus FromProto(const pb::PodSandboxStatus& status);
Container FromProto(const pb::Container& container);
ContainerStatus FromProto(const pb::ContainerStatus& status);
ContainerStats FromProto(const pb::ContainerStats& stats);
Image FromProto(const pb::Image& image);
FilesystemUsage FromProto(const pb::FilesystemUsage& usage);
RuntimeStatus FromProto(const pb::StatusResponse& response);
// As in ContainerRuntime::CgroupDriver.
Result<std::string> CgroupDriverIn(const pb::RuntimeConfigResponse& response);

}  // namespace skiff::cri
