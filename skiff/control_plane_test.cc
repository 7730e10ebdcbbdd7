// Which of several servers over one store does what only one may, over the real store and server.
#include "skiff/control_plane.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <thread>

#include "api/gen/coordination_v1.h"
#include "apiserver/storage/rocksdb_store.h"
#include "base/network_test_host.h"
#include "client/scoped_informer.h"
#include "client/transport.h"

namespace skiff {
namespace {

using coordination_v1::Lease;
using core_v1::ConfigMap;
using core_v1::Namespace;

constexpr Duration kPatience = 60s;

class LedControlPlaneTest : public testing::Test {
 protected:
  LedControlPlaneTest()
      : env_(NewMemoryDisk()),
        store_(*RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_)),
        server_(*ApiServer::Create({.advertise_address = "192.0.2.7"}, {*store_, clock_, random_})),
        pki_(*Pki::Open(directory_ + "/pki", clock_.Now())) {
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
  }
  ~LedControlPlaneTest() override {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    std::filesystem::remove_all(directory_);
  }
  std::unique_ptr<LedControlPlane> Plane(const std::string& name, ProgramRuns runs = {}) {
    ClusterOptions options;
    options.data_dir = directory_ + "/" + name;
    options.node_name = name;
    options.simulated_nodes = 1;
    return std::make_unique<LedControlPlane>(
        options, pki_, LedControlPlane::Dependencies{*server_, clock_, random_, runs});
  }
  // Who leads, as soon as `is_right`.
  std::string HolderOnce(const std::function<bool(const std::string&)>& is_right) {
    ListOptions scope;
    scope.namespace_ = "kube-system";
    const auto lease = WaitForObject<Lease>(
        {admin_, clock_, random_}, scope,
        [&](const Lease& it) {
          return it.metadata.name == kLease.name && is_right(it.spec.holder_identity.value_or(""));
        },
        kPatience);
    const std::string holder = lease ? lease->spec.holder_identity.value_or("") : "nobody";
    return holder.substr(0, holder.find('_'));
  }
  void GiveLeaseTo(const std::optional<std::string>& holder) {
    const auto lease = admin_.Get<Lease>(kLease);
    ASSERT_TRUE(lease) << lease.error().message;
    ASSERT_TRUE(admin_.Patch(**lease, [&](Lease& it) { it.spec.holder_identity = holder; }));
  }
  // Whether controllers run: a new namespace is told the cluster's authority.
  bool IsLookedAfter(const std::string& space, Duration patience) {
    Namespace made;
    made.metadata.name = space;
    EXPECT_TRUE(admin_.Create(made));
    ListOptions scope;
    scope.namespace_ = space;
    return WaitForObject<ConfigMap>(
               {admin_, clock_, random_}, scope,
               [](const ConfigMap& it) { return it.metadata.name == "kube-root-ca.crt"; },
               patience) != nullptr;
  }
  // How many follow that resource: cronjobs are followed by control planes alone, persistentvolumes
  // and csistoragecapacities by schedulers too, which a control plane shares them with.
  int FollowersOf(const std::string& resource) {
    http::Request request;
    request.method = "GET";
    request.path = request.target = "/metrics";
    std::istringstream lines(transport_->Send(request).body);
    const std::string label = "resource=\"" + resource + "\"";
    int followers = 0;
    for (std::string line; std::getline(lines, line);) {
      const bool is_watch = line.starts_with("apiserver_longrunning_requests{verb=\"WATCH\"") &&
                            line.find(label) != line.npos;
      if (is_watch) followers += std::stoi(line.substr(line.rfind(' ') + 1));
    }
    return followers;
  }
  int Duties() { return FollowersOf("cronjobs"); }
  // Controllers begin one after the other, and end so.
  bool DutiesBecome(int wanted) { return FollowersBecome("cronjobs", wanted); }
  bool FollowersBecome(const std::string& resource, int wanted) {
    const Duration end = clock_.Monotonic() + kPatience;
    while (FollowersOf(resource) != wanted) {
      if (clock_.Monotonic() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  const ObjectKey kLease{"kube-system", "kube-controller-manager"};
  const std::string directory_ = testing::TempDir() + "/led-" + std::to_string(getpid());
  SystemClock clock_;
  SystemRandom random_;
  std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<RocksdbStore> store_;
  std::unique_ptr<ApiServer> server_;
  Pki pki_;
  ThreadExecutor executor_{"server", 4};
  std::unique_ptr<Transport> transport_ = TransportAs(*server_, "admin", {"system:masters"});
  Client admin_{*transport_, "test"};
};

TEST_F(LedControlPlaneTest, OneLeadsLosesAndLeadsAgainAndNothingRunsTwice) {
  const auto is_plane = [](const std::string& holder) {
    return holder.starts_with("a_") || holder.starts_with("b_");
  };
  auto a = Plane("a");
  ASSERT_EQ(HolderOnce(is_plane), "a");
  auto b = Plane("b");
  EXPECT_TRUE(IsLookedAfter("one", kPatience));
  EXPECT_TRUE(DutiesBecome(1)) << Duties();

  // Another one has it, whatever it is: a finds out when it renews the lease.
  GiveLeaseTo("thief_1");
  EXPECT_TRUE(DutiesBecome(0)) << Duties();
  EXPECT_FALSE(IsLookedAfter("two", 1s)) << "nobody leads";

  // Either of them may have it now.
  GiveLeaseTo(std::nullopt);
  const std::string leader = HolderOnce(is_plane);
  EXPECT_TRUE(IsLookedAfter("three", kPatience)) << leader;
  EXPECT_TRUE(DutiesBecome(1)) << Duties();

  // Who ends in order leaves it to the other one, long before the lease would be over.
  const Duration begin = clock_.Monotonic();
  (leader == "a" ? a : b).reset();
  const std::string other = leader == "a" ? "b" : "a";
  EXPECT_EQ(HolderOnce([&](const std::string& it) { return it.starts_with(other + "_"); }), other);
  EXPECT_LT(clock_.Monotonic() - begin, 12s);
  EXPECT_TRUE(IsLookedAfter("four", kPatience));
  EXPECT_TRUE(DutiesBecome(1)) << Duties();
}

TEST_F(LedControlPlaneTest, WhatItDoesIsShownWhileItDoes) {
  ProgramRun controllers, scheduler;
  const auto tells = [](const ProgramRun& run, const std::string& metric) {
    return run.TextAt("/metrics").find(metric) != std::string::npos;
  };
  auto a = Plane("a", {.controllers = &controllers, .scheduler = &scheduler});
  EXPECT_TRUE(IsLookedAfter("one", kPatience));
  EXPECT_TRUE(controllers.Leads());
  EXPECT_TRUE(tells(controllers, "workqueue_adds_total{name=\"deployment\"}"));
  EXPECT_TRUE(tells(controllers, "running_managed_controllers{name=\"deployment-controller\""));
  EXPECT_TRUE(scheduler.Leads());
  EXPECT_TRUE(tells(scheduler, "scheduler_pending_pods{queue=\"active\"}"));
  GiveLeaseTo("thief_1");
  EXPECT_TRUE(DutiesBecome(0)) << Duties();
  EXPECT_FALSE(controllers.Leads());
  EXPECT_TRUE(FollowersBecome("csistoragecapacities", 1));
  EXPECT_FALSE(scheduler.Leads());
  EXPECT_TRUE(tells(scheduler, "scheduler_pending_pods")) << "of the one that waits";
  a.reset();
  EXPECT_EQ(controllers.TextAt("/metrics") + scheduler.TextAt("/metrics"), "");
}

TEST_F(LedControlPlaneTest, TheSchedulerOfWhoWaitsFollowsWhatItWillDecideBy) {
  constexpr char kOfSchedulers[] = "csistoragecapacities";
  const auto is_plane = [](const std::string& holder) {
    return holder.starts_with("a_") || holder.starts_with("b_");
  };
  auto a = Plane("a");
  ASSERT_EQ(HolderOnce(is_plane), "a");
  EXPECT_TRUE(DutiesBecome(1)) << Duties();
  GiveLeaseTo("thief_1");
  EXPECT_TRUE(DutiesBecome(0)) << Duties();
  // Nobody leads: who follows them waits, and has begun nothing.
  EXPECT_TRUE(FollowersBecome(kOfSchedulers, 1)) << FollowersOf(kOfSchedulers);
  auto b = Plane("b");
  EXPECT_TRUE(FollowersBecome(kOfSchedulers, 2)) << FollowersOf(kOfSchedulers);
  EXPECT_EQ(Duties(), 0);
  a.reset();
  EXPECT_TRUE(FollowersBecome(kOfSchedulers, 1)) << FollowersOf(kOfSchedulers);
  GiveLeaseTo(std::nullopt);
  EXPECT_EQ(HolderOnce(is_plane), "b");
  EXPECT_TRUE(DutiesBecome(1)) << Duties();
}

TEST_F(LedControlPlaneTest, WhoLeadsFollowsOnceWhatItsSchedulerFollowsToo) {
  auto a = Plane("a");
  EXPECT_TRUE(IsLookedAfter("one", kPatience));
  EXPECT_TRUE(DutiesBecome(1)) << Duties();
  for (const char* resource : {"persistentvolumes", "replicasets", "csistoragecapacities"}) {
    EXPECT_TRUE(FollowersBecome(resource, 1)) << resource << ": " << FollowersOf(resource);
  }
  // Who has taken it over and lost it begins with both anew.
  GiveLeaseTo("thief_1");
  EXPECT_TRUE(DutiesBecome(0)) << Duties();
  EXPECT_TRUE(FollowersBecome("persistentvolumes", 1)) << FollowersOf("persistentvolumes");
  GiveLeaseTo(std::nullopt);
  EXPECT_TRUE(IsLookedAfter("two", kPatience));
  EXPECT_TRUE(DutiesBecome(1)) << Duties();
  EXPECT_TRUE(FollowersBecome("persistentvolumes", 1)) << FollowersOf("persistentvolumes");
}

// A joined node could else have a certificate for them while no Node names them.
TEST(ExtraServerNamesTest, TheServersAddressOfIpv6IsItsOwnName) {
  const auto host = TestHost::Make();
  if (!host) GTEST_SKIP() << "making a network namespace needs root";
  host->Do("ip link add up0 type veth peer name up1");
  for (const char* end : {"up0", "up1"}) host->Do(std::string("ip link set ") + end + " up");
  host->Do("ip address add 192.0.2.7/24 dev up0");
  host->Do("ip address add fd00::7/64 dev up0 nodad");
  host->Do("ip route add default via 192.0.2.1");
  host->Do("ip -6 route add default via fd00::1");
  ClusterOptions options;
  options.control_plane_endpoint = "api.example:6443";
  host->Run([&] {
    EXPECT_EQ(ExtraServerNames(options), std::vector<std::string>{"api.example"});
    options.cluster_cidr = "10.244.0.0/16,fd00:10:244::/56";
    EXPECT_EQ(ExtraServerNames(options), (std::vector<std::string>{"fd00::7", "api.example"}));
  });
}

}  // namespace
}  // namespace skiff
