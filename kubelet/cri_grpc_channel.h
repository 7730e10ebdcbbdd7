// What our gRPC clients of container runtimes share: the channel, the namespace, and errors.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace skiff::cri {

inline constexpr int kMessageBytesMax = 16 << 20;
// A channel that comes back within kReconnectMax of its server and takes answers up to that.
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& endpoint,
                                           int answer_bytes_max = kMessageBytesMax);

// containerd keeps what CRI made in this namespace of its own services.
inline constexpr char kContainerdNamespace[] = "k8s.io";
void InContainerdNamespace(grpc::ClientContext& context);

// kNever: no deadline.
void SetTimeout(grpc::ClientContext& context, Duration timeout);

// As cri.h lists them. `status` is not OK.
Error ErrorFrom(const grpc::Status& status);

}  // namespace skiff::cri
