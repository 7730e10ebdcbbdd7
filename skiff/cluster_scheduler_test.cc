// A scheduler that waits for its server to lead, over the real store and server.
#include "skiff/cluster_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "apiserver/storage/rocksdb_store.h"
#include "client/transport.h"
#include "skiff/control_plane.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Pod;
using testing::Each;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr Duration kPatience = 60s;

class ClusterSchedulerTest : public testing::Test {
 protected:
  ClusterSchedulerTest()
      : env_(NewMemoryDisk()),
        store_(*RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_)),
        server_(*ApiServer::Create(
            {.disabled_admission_plugins = {"ServiceAccount", "TaintNodesByCondition"}},
            {*store_, clock_, random_})) {
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    core_v1::Namespace space;
    space.metadata.name = "default";
    (void)admin_.Create(space);  // The server may have made it already.
    MakeNode();
  }
  ~ClusterSchedulerTest() override {
    informers_.Stop();
    if (scheduler_) scheduler_->Stop();
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
  }
  void MakeNode() {
    Node node;
    node.metadata.name = "n";
    node.status.allocatable["pods"] = node.status.capacity["pods"] = Quantity::FromValue(9);
    EXPECT_TRUE(admin_.Create(node));
  }
  void MakePod(const std::string& name) {
    Pod pod;
    pod.metadata.namespace_ = "default";
    pod.metadata.name = name;
    auto& container = pod.spec.containers.emplace_back();
    container.name = container.image = "c";
    const auto made = admin_.Create(pod);
    EXPECT_TRUE(made) << made.error().message;
  }
  void Make(const ClusterOptions& options, ProgramRun* run = nullptr) {
    scheduler_ = std::make_unique<ClusterScheduler>(
        options,
        ClusterScheduler::Dependencies{*server_, informers_, executor_, clock_, random_, run});
  }
  bool BecomesSynced() {
    const Duration end = clock_.Monotonic() + kPatience;
    while (!scheduler_->IsSynced()) {
      if (clock_.Monotonic() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  std::string NodeOf(const std::string& name) {
    const auto pod = admin_.Get<Pod>({"default", name});
    return pod ? (*pod)->spec.node_name : pod.error().message;
  }
  // As soon as it has one. Asked for without a list: those are counted.
  std::string NodeOnce(const std::string& name) {
    const Duration end = clock_.Monotonic() + kPatience;
    while (NodeOf(name).empty() && clock_.Monotonic() < end) std::this_thread::yield();
    return NodeOf(name);
  }
  // Lists that anybody had of the server; before its roles are there it refuses them.
  std::vector<std::string> Lists() {
    http::Request request;
    request.method = "GET";
    request.path = request.target = "/metrics";
    std::istringstream lines(transport_->Send(request).body);
    std::vector<std::string> lists;
    for (std::string line; std::getline(lines, line);) {
      const bool is_list = line.starts_with("apiserver_request_total{verb=\"LIST\"") &&
                           line.find("code=\"200\"") != line.npos;
      if (is_list) lists.push_back(line);
    }
    return lists;
  }

  SystemClock clock_;
  SystemRandom random_;
  std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<RocksdbStore> store_;
  std::unique_ptr<ApiServer> server_;
  ThreadExecutor executor_{"server", 4};
  std::unique_ptr<Transport> transport_ = TransportAs(*server_, "admin", {"system:masters"});
  Client admin_{*transport_, "test"};
  InformerFactory informers_{{admin_, clock_, random_}};
  std::unique_ptr<ClusterScheduler> scheduler_;
};

TEST_F(ClusterSchedulerTest, WhoTakesOverKnowsEverythingAndReadsNothingFirst) {
  Make({});
  scheduler_->Wait();
  ASSERT_TRUE(BecomesSynced());
  MakePod("a");
  EXPECT_EQ(NodeOf("a"), "") << "somebody else decides";
  scheduler_->Lead();
  EXPECT_TRUE(scheduler_->IsSynced());
  EXPECT_EQ(NodeOnce("a"), "n");
  EXPECT_THAT(Lists(), Not(IsEmpty()));
  EXPECT_THAT(Lists(), Each(EndsWith(" 1"))) << "each kind was read once, and before";
}

TEST_F(ClusterSchedulerTest, WhoIsToKnowNothingBeforeItLeadsDoesNot) {
  const std::string file = testing::TempDir() + "/cold-scheduler.yaml";
  std::ofstream(file) << "apiVersion: kubescheduler.config.k8s.io/v1\n"
                         "kind: KubeSchedulerConfiguration\n"
                         "delayCacheUntilActive: true\n";
  ClusterOptions options;
  options.scheduler_args = {"config=" + file};
  ProgramRun run;
  Make(options, &run);
  std::filesystem::remove(file);
  const auto before = Lists();
  scheduler_->Wait();
  MakePod("a");
  EXPECT_EQ(Lists(), before);
  EXPECT_FALSE(scheduler_->IsSynced());
  EXPECT_TRUE(run.IsSynced()) << "its port says that it is ready: it has nothing to know";
  EXPECT_FALSE(run.Leads());
  scheduler_->Lead();
  EXPECT_TRUE(run.Leads());
  EXPECT_EQ(NodeOnce("a"), "n");
  EXPECT_TRUE(run.IsSynced());
  EXPECT_THAT(run.TextAt("/metrics"), HasSubstr("scheduler_pending_pods{"));
  scheduler_.reset();  // While the run is there.
}

}  // namespace
}  // namespace skiff
