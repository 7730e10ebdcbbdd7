#include "kubelet/cri_grpc_health.h"

#include <fmt/format.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "kubelet/cri.h"
#include "kubelet/cri_grpc_channel.h"
#include "kubelet/proto/grpc_health.grpc.pb.h"

namespace skiff::cri {
namespace {

namespace health = grpc::health::v1;

std::string Seconds(Duration length) {
  return fmt::format("{}s", std::chrono::duration_cast<std::chrono::seconds>(length).count());
}

GrpcHealthAnswer Failure(const grpc::Status& status, Duration timeout) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNIMPLEMENTED:
      return {false,
              "error: this server does not implement the grpc health protocol "
              "(grpc.health.v1.Health): " +
                  status.error_message()};
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return {false, "timeout: health rpc did not complete within " + Seconds(timeout)};
    default:
      return {false, "error: health rpc probe failed: " + RpcErrorText(ErrorFrom(status))};
  }
}

}  // namespace

GrpcHealthAnswer CheckGrpcHealth(const GrpcHealthRequest& request) {
  const bool is_v6 = request.host.find(':') != std::string::npos;
  const std::string address =
      fmt::format("{}:{}", is_v6 ? "[" + request.host + "]" : request.host, request.port);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // A connection that another probe left behind would say nothing about this one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetUserAgentPrefix(request.user_agent);
  const auto channel = grpc::CreateCustomChannel((is_v6 ? "ipv6:" : "ipv4:") + address,
                                                 grpc::InsecureChannelCredentials(), arguments);
  const auto deadline = std::chrono::system_clock::now() +
                        std::chrono::duration_cast<std::chrono::microseconds>(request.timeout);
  if (!channel->WaitForConnected(deadline)) {
    return {false, fmt::format("timeout: failed to connect service \"{}\" within {}: context "
                               "deadline exceeded",
                               address, Seconds(request.timeout))};
  }
  grpc::ClientContext context;
  context.set_deadline(deadline);
  health::HealthCheckRequest ask;
  ask.set_service(request.service);
  health::HealthCheckResponse answer;
  const auto status = health::Health::NewStub(channel)->Check(&context, ask, &answer);
  if (!status.ok()) return Failure(status, request.timeout);
  if (answer.status() == health::HealthCheckResponse::SERVING) return {true, ""};
  const char* word = "UNKNOWN";
  if (answer.status() == health::HealthCheckResponse::NOT_SERVING) word = "NOT_SERVING";
  if (answer.status() == health::HealthCheckResponse::SERVICE_UNKNOWN) word = "SERVICE_UNKNOWN";
  return {false, fmt::format("service unhealthy (responded with \"{}\")", word)};
}

}  // namespace skiff::cri
