// Calls of gRPC services on sockets of this node. Each blocks; errors read as gRPC's clients print
// them: "rpc error: code = Internal desc = ...".
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace skiff::kubelet::plugins {

inline constexpr Duration kDialTimeout = 10s;

// A connection of its own: one that a plugin which ran before has left behind says nothing about
// this one.
std::shared_ptr<grpc::Channel> Connect(const std::string& socket);
std::chrono::system_clock::time_point In(Duration timeout);
// `status` is not OK.
Error CallError(const grpc::Status& status);
Error DialError(const std::string& socket);

template <typename Service, typename Request, typename Response>
grpc::Status CallOn(const std::shared_ptr<grpc::Channel>& channel, Duration timeout,
                    grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                          Response*),
                    const Request& request, Response& response) {
  const auto stub = Service::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(In(timeout));
  return (stub.get()->*method)(&context, request, &response);
}

template <typename Service, typename Request, typename Response>
Result<> Call(const std::string& socket, Duration timeout,
              grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
              const Request& request, Response& response) {
  const auto channel = Connect(socket);
  if (!channel->WaitForConnected(In(std::min(timeout, kDialTimeout)))) {
    return Fail(DialError(socket));
  }
  const grpc::Status status = CallOn<Service>(channel, timeout, method, request, response);
  if (!status.ok()) return Fail(CallError(status));
  return {};
}

}  // namespace skiff::kubelet::plugins
