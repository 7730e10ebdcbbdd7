#include "kubelet/cri_grpc_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "kubelet/cri_grpc.h"

namespace skiff::cri {
namespace {

Reason ReasonFrom(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::NOT_FOUND:
      return Reason::kNotFound;
    case grpc::StatusCode::ALREADY_EXISTS:
      return Reason::kAlreadyExists;
    case grpc::StatusCode::INVALID_ARGUMENT:
      return Reason::kInvalid;
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::ABORTED:
      return Reason::kConflict;
    case grpc::StatusCode::UNAVAILABLE:
      return Reason::kServiceUnavailable;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Reason::kTimeout;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return Reason::kTooManyRequests;
    case grpc::StatusCode::PERMISSION_DENIED:
      return Reason::kForbidden;
    case grpc::StatusCode::UNAUTHENTICATED:
      return Reason::kUnauthorized;
    case grpc::StatusCode::UNIMPLEMENTED:
      return Reason::kMethodNotAllowed;
    case grpc::StatusCode::OUT_OF_RANGE:
      return Reason::kBadRequest;
    case grpc::StatusCode::CANCELLED:
      return Reason::kServerTimeout;
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DATA_LOSS:
      return Reason::kInternalError;
    default:
      return Reason::kUnknown;
  }
}

}  // namespace

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& endpoint, int answer_bytes_max) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(answer_bytes_max);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(kReconnectMax / 1ms));
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // containerd knows no such authority as the path that gRPC would send.
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  const std::string target = endpoint.starts_with('/') ? "unix://" + endpoint : endpoint;
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

void InContainerdNamespace(grpc::ClientContext& context) {
  context.AddMetadata("containerd-namespace", kContainerdNamespace);
}

void SetTimeout(grpc::ClientContext& context, Duration timeout) {
  if (timeout == kNever) return;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::duration_cast<std::chrono::microseconds>(timeout));
}

Error ErrorFrom(const grpc::Status& status) {
  return {.reason = ReasonFrom(status.error_code()), .message = status.error_message()};
}

}  // namespace skiff::cri
