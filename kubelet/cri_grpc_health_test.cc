#include "kubelet/cri_grpc_health.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <memory>

#include "kubelet/proto/grpc_health.grpc.pb.h"

namespace skiff::cri {
namespace {

namespace health = grpc::health::v1;

// Serves the protocol, with one service that is well and one that is not.
class HealthService final : public health::Health::Service {
 public:
  grpc::Status Check(grpc::ServerContext*, const health::HealthCheckRequest* request,
                     health::HealthCheckResponse* response) override {
    // As a server answers that has no such service at all.
    if (request->service() == "absent") {
      return {grpc::StatusCode::UNIMPLEMENTED, "unknown service grpc.health.v1.Health"};
    }
    if (request->service() == "broken") return {grpc::StatusCode::INTERNAL, "out of order"};
    response->set_status(request->service() == "ill" ? health::HealthCheckResponse::NOT_SERVING
                                                     : health::HealthCheckResponse::SERVING);
    return grpc::Status::OK;
  }
};

class GrpcHealthTest : public testing::Test {
 protected:
  GrpcHealthTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~GrpcHealthTest() override { server_->Shutdown(); }
  GrpcHealthAnswer Ask(const std::string& service) {
    return CheckGrpcHealth({"127.0.0.1", port_, service, 5s, "kube-probe/1.35"});
  }
  HealthService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(GrpcHealthTest, TheServersWordDecides) {
  EXPECT_TRUE(Ask("").serving);
  EXPECT_FALSE(Ask("ill").serving);
  EXPECT_EQ(Ask("ill").text, "service unhealthy (responded with \"NOT_SERVING\")");
  EXPECT_EQ(Ask("broken").text,
            "error: health rpc probe failed: rpc error: code = Internal desc = out of order");
}

TEST_F(GrpcHealthTest, AServerThatIsNotThereIsATimeout) {
  server_->Shutdown();
  const auto answer = CheckGrpcHealth({"127.0.0.1", port_, "", 1s, ""});
  EXPECT_FALSE(answer.serving);
  EXPECT_EQ(answer.text, "timeout: failed to connect service \"127.0.0.1:" + std::to_string(port_) +
                             "\" within 1s: context deadline exceeded");
}

TEST_F(GrpcHealthTest, AServerWithoutTheProtocolFails) {
  EXPECT_EQ(Ask("absent").text,
            "error: this server does not implement the grpc health protocol "
            "(grpc.health.v1.Health): unknown service grpc.health.v1.Health");
}

}  // namespace
}  // namespace skiff::cri
