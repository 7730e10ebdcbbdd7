// The cluster's names on the real server and controllers: what is written to the API is what the
// DNS answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/answer.h"
#include "dns/program.h"
#include "dns/test_messages.h"
#include "e2e/harness.h"
#include "e2e/pod_runner.h"

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kObjects[] = R"(
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  clusterIP: 10.0.0.20
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec:
  selector: {app: web}
  clusterIP: None
  ports: [{name: http, port: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app: web}}
spec: {hostname: first, subdomain: peers, nodeName: node-1, containers: [{name: main, image: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: web}}
spec: {nodeName: node-1, containers: [{name: main, image: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: ext}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
)";

class ClusterNames : public ::testing::Test {
 protected:
  ClusterNames() : cluster_(OptionsOf()) {}
  ~ClusterNames() override { cluster_.executor().Remove(*loop_); }

  Cluster::Options OptionsOf() {
    Cluster::Options options;
    options.add_parts = [this](Manager& manager) {
      AddPodRunner(manager, {});
      loop_ = std::make_unique<dns::ViewLoop>(dns::ViewLoop::Dependencies{
          manager.informer<core_v1::Service>(), manager.informer<discovery_v1::EndpointSlice>(),
          manager.informer<core_v1::Namespace>(), manager.clock(), views_});
    };
    return options;
  }
  void SetUp() override {
    cluster_.executor().Add(*loop_);
    cluster_.RunUntilIdle();
  }
  dns::TestReply Ask(const std::string& name, uint16_t type = dns::type::kA) {
    dns::ZoneOptions options;
    options.zone = *dns::Name::FromText("cluster.local");
    std::vector<uint8_t> space(dns::kMessageBytesMax);
    dns::Query query;
    const auto view = views_.Get();
    const auto outcome = dns::Answer(dns::MakeQuery({.name = name, .type = type}), view.get(),
                                     options, true, 1, space, &query);
    EXPECT_EQ(outcome.kind, dns::Outcome::Kind::kReply) << name;
    return dns::ReadReply(outcome.message);
  }
  std::string AddressOf(const std::string& pod) {
    const auto found = cluster_.Get<core_v1::Pod>({"default", pod});
    return found ? found->status.pod_ip : "";
  }

  dns::ViewSource views_;
  std::unique_ptr<dns::ViewLoop> loop_;
  Cluster cluster_;
};

TEST_F(ClusterNames, FollowServicesPodsAndNamespaces) {
  EXPECT_EQ(Ask("web.default.svc.cluster.local").rcode, 3);
  EXPECT_EQ(Ask("default.svc.cluster.local").rcode, 0);
  EXPECT_EQ(Ask("shop.svc.cluster.local").rcode, 3);
  cluster_.Apply(kObjects).RunFor(5s);
  EXPECT_THAT(Ask("web.default.svc.cluster.local").answer,
              ElementsAre("web.default.svc.cluster.local. 5 IN A 10.0.0.20"));
  const std::string one = AddressOf("one");
  const std::string two = AddressOf("two");
  ASSERT_FALSE(one.empty() || two.empty());
  EXPECT_THAT(Ask("peers.default.svc.cluster.local").answer,
              UnorderedElementsAre("peers.default.svc.cluster.local. 5 IN A " + one,
                                   "peers.default.svc.cluster.local. 5 IN A " + two));
  EXPECT_THAT(Ask("first.peers.default.svc.cluster.local").answer,
              ElementsAre("first.peers.default.svc.cluster.local. 5 IN A " + one));
  EXPECT_THAT(Ask("_http._tcp.peers.default.svc.cluster.local", dns::type::kSrv).answer, SizeIs(2));
  EXPECT_THAT(Ask("ext.default.svc.cluster.local").answer, SizeIs(2));
  EXPECT_THAT(Ask("20.0.0.10.in-addr.arpa", dns::type::kPtr).answer,
              ElementsAre("20.0.0.10.in-addr.arpa. 5 IN PTR web.default.svc.cluster.local."));
  EXPECT_THAT(Ask("kubernetes.default.svc.cluster.local").answer, SizeIs(1));

  cluster_.Delete<core_v1::Pod>({"default", "one"}, {.grace_period_s = 0}).RunFor(5s);
  EXPECT_EQ(Ask("first.peers.default.svc.cluster.local").rcode, 3);
  EXPECT_THAT(Ask("peers.default.svc.cluster.local").answer, SizeIs(1));
  cluster_.Delete<core_v1::Service>({"default", "web"}).RunFor(5s);
  EXPECT_EQ(Ask("web.default.svc.cluster.local").rcode, 3);
}

}  // namespace
}  // namespace skiff
