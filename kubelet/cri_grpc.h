// The door to gRPC for container runtimes: a ContainerRuntime that speaks CRI v1 to containerd or
// CRI-O over a unix socket.
//
//   auto runtime = MakeGrpcRuntime({.endpoint = "unix:///run/containerd/containerd.sock"});
//   const auto version = TRY(runtime->Version());
#pragma once

#include <memory>
#include <string>

#include "kubelet/cri.h"

namespace skiff::cri {

struct GrpcRuntimeOptions {
  std::string endpoint;  // "unix:///path" or an absolute path.
  // For every call but pulls, which have no limit, and those that get the time they wait on top.
  Duration request_timeout = std::chrono::minutes(2);
};

// Never fails: a runtime that is not there is kServiceUnavailable when called, and is found as soon
// as it comes up, at most kReconnectMax later.
std::unique_ptr<ContainerRuntime> MakeGrpcRuntime(const GrpcRuntimeOptions& options);

// Of an answer of the runtime, but for what commands say. Lists have what pods say of themselves,
// annotations of 256 KiB each: those of a node full of such pods must fit into one. Of pods that
// have ended there may be any number (AllSandboxes in pod_lookup.h).
inline constexpr int kListBytesMax = 128 << 20;

inline constexpr Duration kReconnectMax = std::chrono::seconds(1);

}  // namespace skiff::cri
