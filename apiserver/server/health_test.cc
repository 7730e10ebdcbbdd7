// What /livez and /readyz say when a part of the server fails: on the real server and store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/server/health_checks.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::Not;

class HealthTest : public ServerFixture {
 protected:
  void Start() {
    const auto state = [](const std::string& fault) -> Result<> {
      if (fault.empty()) return {};
      return Fail(Reason::kInternalError, fault);
    };
    watched_ = *ApiServer::Create({}, {.store = *store_,
                                       .clock = clock_,
                                       .random = random_,
                                       .store_alive = [this, state] { return state(dead_); },
                                       .store_ready = [this, state] { return state(full_); }});
    monitor_ = &watched_->WatchHealth();
  }
  std::pair<int, std::string> Health(const std::string& path) {
    http::Request request;
    request.method = "GET";
    request.path = path.substr(0, path.find('?'));
    if (path.find('?') != path.npos) request.query = {{path.substr(path.find('?') + 1), ""}};
    const auto answer = watched_->Handle(request, LoopbackUser());
    return {answer.status, answer.body};
  }

  std::string dead_;
  std::string full_;
  std::unique_ptr<ApiServer> watched_;
  ControlLoop* monitor_ = nullptr;
};

TEST_F(HealthTest, AStoreThatNeedsANewStartFailsBoth) {
  Start();
  EXPECT_EQ(Health("/livez").first, 200);
  EXPECT_EQ(Health("/readyz").first, 200);
  dead_ = full_ = "the cable is out";
  EXPECT_EQ(Health("/livez").first, 200) << "nobody has looked";
  monitor_->Step();
  EXPECT_EQ(Health("/livez").first, 500);
  EXPECT_EQ(Health("/readyz").first, 500);
  EXPECT_THAT(Health("/livez?verbose").second,
              HasSubstr("[-]etcd failed: reason withheld\n"));
  EXPECT_THAT(Health("/livez?verbose").second, HasSubstr("livez check failed\n"));
  EXPECT_EQ(Health("/livez/etcd").second, "internal server error: the cable is out\n");
  EXPECT_EQ(Health("/livez/ping").first, 200);
  dead_ = full_ = "";
  monitor_->Step();
  EXPECT_EQ(Health("/livez").first, 200);
}

TEST_F(HealthTest, AFullDiskFailsReadinessAlone) {
  Start();
  full_ = "no space left on device";
  monitor_->Step();
  EXPECT_EQ(Health("/livez").first, 200);
  EXPECT_EQ(Health("/readyz").first, 500);
  EXPECT_EQ(Health("/readyz/etcd-readiness").second,
            "internal server error: no space left on device\n");
  EXPECT_EQ(Health("/livez/etcd-readiness").first, 404);
}

TEST_F(HealthTest, ALoopThatNoLongerComesRoundFailsBoth) {
  Start();
  clock_.Advance(HealthMonitor::kAgeMax + 1s);
  EXPECT_EQ(Health("/livez").first, 500);
  EXPECT_EQ(Health("/readyz").first, 500);
  EXPECT_THAT(Health("/livez/etcd").second, HasSubstr("nothing was seen of it for 11 s"));
  monitor_->Step();
  EXPECT_EQ(Health("/livez").first, 200);
}

// Who asks of the server alone, as whoever restarts it should, is not told of its store.
TEST_F(HealthTest, AStoreThatKeepsSilentCanBeExcluded) {
  Start();
  clock_.Advance(HealthMonitor::kAgeMax + 1s);
  http::Request request;
  request.method = "GET";
  request.path = "/livez";
  request.query = {{"exclude", "etcd"}};
  EXPECT_EQ(watched_->Handle(request, LoopbackUser()).status, 200);
  request.path = "/readyz";
  EXPECT_EQ(watched_->Handle(request, LoopbackUser()).status, 500);
  request.query.emplace_back("exclude", "etcd-readiness");
  EXPECT_EQ(watched_->Handle(request, LoopbackUser()).status, 200);
}

TEST_F(HealthTest, WhatCannotBeExcludedIsNamedOnce) {
  Start();
  http::Request request;
  request.method = "GET";
  request.path = "/livez";
  request.query = {{"exclude", "b"}, {"exclude", "a"}, {"exclude", "b"}, {"verbose", ""}};
  EXPECT_THAT(watched_->Handle(request, LoopbackUser()).body,
              HasSubstr("warn: some health checks cannot be excluded: no matches for "
                        "\"a\",\"b\"\n"));
}

TEST_F(HealthTest, AServerThatStopsIsNotReady) {
  Start();
  watched_->BeginShutdown();
  EXPECT_EQ(Health("/livez").first, 200);
  EXPECT_EQ(Health("/readyz").first, 500);
  EXPECT_EQ(Health("/readyz/shutdown").second,
            "internal server error: process is shutting down\n");
}

// That is what tools and Kubernetes' own tests look for, in the order in which kube-apiserver has
// them.
TEST_F(HealthTest, TheChecksBearTheNamesThatKubeApiserverHas) {
  Start();
  EXPECT_EQ(Health("/livez?verbose").second,
            "[+]ping ok\n[+]log ok\n[+]etcd ok\n"
            "[+]poststarthook/start-apiserver-admission-initializer ok\n"
            "[+]poststarthook/generic-apiserver-start-informers ok\n"
            "[+]poststarthook/start-apiextensions-informers ok\n"
            "[+]poststarthook/start-apiextensions-controllers ok\n"
            "[+]poststarthook/crd-informer-synced ok\n"
            "[+]poststarthook/start-system-namespaces-controller ok\n"
            "[+]poststarthook/start-legacy-token-tracking-controller ok\n"
            "[+]poststarthook/start-service-ip-repair-controllers ok\n"
            "[+]poststarthook/scheduling/bootstrap-system-priority-classes ok\n"
            "[+]poststarthook/priority-and-fairness-config-producer ok\n"
            "[+]poststarthook/bootstrap-controller ok\n"
            "[+]poststarthook/start-kubernetes-service-cidr-controller ok\n"
            "[+]poststarthook/start-kube-aggregator-informers ok\n"
            "[+]poststarthook/apiservice-status-local-available-controller ok\n"
            "[+]poststarthook/apiservice-status-remote-available-controller ok\n"
            "[+]poststarthook/apiservice-registration-controller ok\n"
            "[+]poststarthook/apiservice-discovery-controller ok\n"
            "[+]poststarthook/kube-apiserver-autoregistration ok\n"
            "[+]autoregister-completion ok\n"
            "[+]poststarthook/apiservice-openapi-controller ok\n"
            "[+]poststarthook/apiservice-openapiv3-controller ok\n"
            "livez check passed\n");
}

TEST_F(HealthTest, LevelsSayWhatTheChecksSay) {
  Start();
  full_ = "no space left on device";
  monitor_->Step();
  Health("/readyz");
  Health("/livez");
  Health("/livez/etcd");  // Who asks for one is not counted.
  const std::string levels = Health("/metrics/slis").second;
  EXPECT_THAT(levels, HasSubstr("kubernetes_healthcheck{name=\"etcd\",type=\"livez\"} 1\n"));
  EXPECT_THAT(levels,
              HasSubstr("kubernetes_healthcheck{name=\"etcd-readiness\",type=\"readyz\"} 0\n"));
  EXPECT_THAT(levels, Not(HasSubstr("name=\"etcd-readiness\",type=\"livez\"")));
  EXPECT_THAT(levels, HasSubstr("kubernetes_healthchecks_total{name=\"etcd-readiness\","
                                "status=\"error\",type=\"readyz\"} 1\n"));
  EXPECT_THAT(levels, HasSubstr("kubernetes_healthchecks_total{name=\"etcd\","
                                "status=\"success\",type=\"livez\"} 1\n"));
}

// A query's time is every path's, not that of objects alone.
TEST_F(HealthTest, ATimeThatIsNoneIsRefusedOfAnyPath) {
  Start();
  http::Request request;
  request.method = "GET";
  request.path = "/version";
  const auto ask = [&](const char* timeout) {
    request.query = {{"timeout", timeout}};
    return watched_->Handle(request, LoopbackUser());
  };
  EXPECT_EQ(ask("invalid").status, 400);
  EXPECT_THAT(ask("invalid").body,
              HasSubstr("invalid timeout specified in the request URL - time: invalid duration "));
  EXPECT_EQ(ask("3m").status, 200);
  EXPECT_EQ(ask("0s").status, 200);
}

// The checks alone, over a store in which nothing was written yet.
TEST(HealthChecks, FailUntilTheServerHasMadeWhatItBeginsWith) {
  FakeClock clock;
  const auto disk = NewMemoryDisk();
  const auto store = *RocksdbStore::Open({.path = "/store", .env = disk.get()}, clock);
  Caches caches(*store);
  const std::atomic<bool> shutting_down = false;
  Duration round = 1s;
  HealthMonitor monitor(clock, HealthChecks({.store = *store,
                                             .caches = caches,
                                             .shutting_down = shutting_down,
                                             .longest_round = [&] { return round; },
                                             .has_rbac = true,
                                             .has_client_ca = true,
                                             .lease_begun = []() -> Result<> {
                                               return Fail(Reason::kInternalError, "not yet");
                                             }}));
  std::string failing;
  for (const auto& verdict : monitor.Verdicts()) {
    if (!verdict.fault.empty()) failing += verdict.name + " ";
  }
  EXPECT_EQ(failing,
            "informer-sync poststarthook/start-apiserver-admission-initializer "
            "poststarthook/generic-apiserver-start-informers "
            "poststarthook/start-system-namespaces-controller "
            "poststarthook/start-cluster-authentication-info-controller "
            "poststarthook/start-kube-apiserver-identity-lease-controller "
            "poststarthook/start-kube-apiserver-identity-lease-garbage-collector "
            "poststarthook/start-legacy-token-tracking-controller "
            "poststarthook/start-service-ip-repair-controllers poststarthook/rbac/bootstrap-roles "
            "poststarthook/scheduling/bootstrap-system-priority-classes "
            "poststarthook/priority-and-fairness-config-producer "
            "poststarthook/bootstrap-controller "
            "poststarthook/start-kubernetes-service-cidr-controller "
            "poststarthook/kube-apiserver-autoregistration autoregister-completion ");
  EXPECT_EQ(monitor.Verdicts()[0].fault, "");
  round = 11s;
  EXPECT_EQ(monitor.Verdicts()[0].name, "ping");
  EXPECT_EQ(monitor.Verdicts()[0].fault, "a loop of connections is stuck");
}

}  // namespace
}  // namespace skiff
