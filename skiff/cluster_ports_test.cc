// Ports of the controllers and the scheduler of a whole cluster in one process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/test_port.h"
#include "client/kubeconfig.h"
#include "skiff/cluster.h"

namespace skiff {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class ClusterPortsTest : public testing::Test {
 protected:
  ClusterPortsTest() : options_(Options("first")) {}
  ~ClusterPortsTest() override { std::filesystem::remove_all(directory_); }

  ClusterOptions Options(const std::string& name) const {
    ClusterOptions options;
    options.data_dir = directory_ + "/" + name;
    options.bind_address = "127.0.0.1";
    options.secure_port = FreePort();
    options.simulated_nodes = 1;
    options.durability = "memory";
    std::filesystem::create_directories(options.data_dir);
    return options;
  }
  static std::vector<std::string> PortAt(int port) {
    return {"secure-port=" + std::to_string(port), "bind-address=127.0.0.1"};
  }
  static Result<std::unique_ptr<Cluster>> Start(const ClusterOptions& options) {
    return Cluster::Start(options, [](const std::string&) {});
  }
  // As the administrator whose kubeconfig it is.
  std::string Ask(int port, const std::string& path) const {
    HttpsOptions to = *Kubeconfig::Load(AdminKubeconfigPath(options_))->Options();
    to.server = "https://127.0.0.1:" + std::to_string(port);
    to.certificate_authority.clear();
    to.insecure_skip_tls_verify = true;
    http::Request request;
    request.method = "GET";
    request.path = request.target = path;
    const http::Response answer = (*MakeHttpsTransport(to))->Send(std::move(request));
    return std::to_string(answer.status) + " " + answer.body;
  }

  const std::string directory_ = testing::TempDir() + "/ports-" + std::to_string(getpid());
  ClusterOptions options_;
};

TEST_F(ClusterPortsTest, BothTellWhatTheyDoAsLongAsTheClusterRuns) {
  const int controllers = FreePort(), scheduler = FreePort();
  options_.controller_manager_args = PortAt(controllers);
  options_.scheduler_args = PortAt(scheduler);
  auto cluster = Start(options_);
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_THAT(Ask(controllers, "/metrics"),
              AllOf(StartsWith("200 "), HasSubstr("workqueue_adds_total{name=\"deployment\"}"),
                    HasSubstr("running_managed_controllers{name=\"job-controller\""),
                    HasSubstr("process_resident_memory_bytes")));
  EXPECT_THAT(Ask(scheduler, "/metrics"),
              AllOf(StartsWith("200 "), HasSubstr("scheduler_pending_pods{queue=\"active\"}"),
                    HasSubstr("leader_election_master_status{name=\"kube-scheduler\"} 1\n")));
  EXPECT_EQ(Ask(scheduler, "/readyz"), "200 ok");
  EXPECT_THAT(Ask(scheduler, "/metrics/resources"), StartsWith("200 "));

  // Who finds a port taken says so, and leaves nothing behind.
  ClusterOptions second = Options("second");
  second.controller_manager_args = PortAt(FreePort());
  second.scheduler_args = PortAt(scheduler);
  const auto refused = Start(second);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(StartsWith("kube-scheduler: listen tcp 127.0.0.1:"),
                                             EndsWith(": bind: address already in use")));
  EXPECT_EQ(Ask(scheduler, "/readyz"), "200 ok");

  cluster->reset();
  EXPECT_THAT(Ask(controllers, "/healthz"), StartsWith("503 ")) << "nobody is there";
}

}  // namespace
}  // namespace skiff
