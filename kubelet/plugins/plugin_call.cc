#include "kubelet/plugins/plugin_call.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "kubelet/cri.h"
#include "kubelet/cri_grpc_channel.h"

namespace skiff::kubelet::plugins {
namespace {

constexpr int kMessageBytesMax = 4 << 20;  // What gRPC's clients take where nothing else is said.

}  // namespace

std::shared_ptr<grpc::Channel> Connect(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  return grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
}

std::chrono::system_clock::time_point In(Duration timeout) {
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::microseconds>(timeout);
}

Error CallError(const grpc::Status& status) {
  Error error = cri::ErrorFrom(status);
  error.message = cri::RpcErrorText(error);
  // To volumes kTimeout says something else.
  if (error.reason == Reason::kTimeout) error.reason = Reason::kServerTimeout;
  // Another call for the same is under way: not to be taken for kConflict, a refusal.
  if (status.error_code() == grpc::StatusCode::ABORTED) {
    error.reason = Reason::kServiceUnavailable;
    error.message = "rpc error: code = Aborted desc = " + status.error_message();
  }
  return error;
}

Error DialError(const std::string& socket) {
  return {Reason::kServiceUnavailable,
          "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while "
          "dialing: dial unix " +
              socket + "\""};
}

}  // namespace skiff::kubelet::plugins
