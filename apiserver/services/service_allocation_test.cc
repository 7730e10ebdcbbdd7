#include "apiserver/services/service_allocation.h"

#include <functional>
#include <utility>

#include "apiserver/server/server_fixture.h"
#include "apiserver/services/service_claims.h"
#include "apiserver/storage/forwarding_store.h"

namespace skiff {
namespace {

// The texts are those of kube-apiserver v1.35.6.
class ServiceAllocationTest : public ServerFixture {
 protected:
  static constexpr const char* kServices = "/api/v1/namespaces/default/services";

  Answer Make(const std::string& name, const std::string& spec, const std::string& query = "") {
    return Post(kServices + query,
                R"({"metadata": {"name": ")" + name + R"("}, "spec": )" + spec + "}");
  }
  Answer Change(const std::string& name, const std::string& spec) {
    return Merge(std::string(kServices) + "/" + name, R"({"spec": )" + spec + "}");
  }
};

// A server that draws the same numbers.
class SameServer final : public ServiceAllocationTest {
 public:
  void TestBody() override {}
  Answer MakeFirst(const std::string& name) { return Make(name, R"({"ports": [{"port": 80}]})"); }
  Answer MakeByPrefix() {
    return Post(kServices, R"({"metadata": {"generateName": "s-"},
                               "spec": {"ports": [{"port": 80}]}})");
  }
};

TEST_F(ServiceAllocationTest, AServiceWhoseNameIsTakenDoesNotAskForWhatItWasGivenUnderThatName) {
  SameServer first, second;
  ASSERT_EQ(first.MakeFirst("s-other").code, 201);
  const Json one = first.MakeByPrefix().body;
  const std::string name = one["metadata"]["name"];
  ASSERT_EQ(second.MakeFirst(name).code, 201);
  const auto other = second.MakeByPrefix();
  ASSERT_EQ(other.code, 201) << other.body;
  EXPECT_NE(other.body["metadata"]["name"], name);
  EXPECT_NE(other.body["spec"]["clusterIP"], one["spec"]["clusterIP"]);
}

TEST_F(ServiceAllocationTest, AnAddressThatChangesIsNotLookedFor) {
  ASSERT_EQ(Make("a", R"({"ports": [{"port": 80}]})").code, 201);
  const auto moved = Change("a", R"({"clusterIP": "1.2.3.4", "clusterIPs": ["1.2.3.4"]})");
  EXPECT_EQ(moved.code, 422);
  EXPECT_EQ(moved.message(),
            "Service \"a\" is invalid: spec.clusterIPs[0]: Invalid value: [\"1.2.3.4\"]: may not "
            "change once set");
}

TEST_F(ServiceAllocationTest, PortsThatComeLaterShareNothing) {
  const auto made = Make("a", R"({"ports": [{"name": "t", "port": 53},
                                            {"name": "u", "port": 53, "protocol": "UDP"}]})");
  ASSERT_EQ(made.code, 201) << made.body;
  const auto changed = Change("a", R"({"type": "NodePort"})");
  ASSERT_EQ(changed.code, 200) << changed.body;
  const Json& ports = changed.body["spec"]["ports"];
  EXPECT_NE(ports[0]["nodePort"], ports[1]["nodePort"]);
}

TEST_F(ServiceAllocationTest, AHealthPortIsOfTheRange) {
  const auto made = Make("a", R"({"type": "LoadBalancer", "externalTrafficPolicy": "Local",
                                  "healthCheckNodePort": 5, "ports": [{"port": 80}]})");
  EXPECT_EQ(made.code, 500);
  EXPECT_EQ(made.message(),
            "Internal error occurred: failed to allocate requested HealthCheck NodePort 5: "
            "provided port is not in the valid range. The range of valid ports is 30000-32767");
}

TEST_F(ServiceAllocationTest, AHealthPortIsNoNodePortOfTheSameService) {
  const auto made = Make("a", R"({"type": "LoadBalancer", "externalTrafficPolicy": "Local",
                                  "healthCheckNodePort": 30071, "ports": [{"port": 80}]})");
  ASSERT_EQ(made.code, 201) << made.body;
  const auto changed = Change("a", R"({"ports": [{"port": 80, "nodePort": 30071}]})");
  EXPECT_EQ(changed.message(),
            "Service \"a\" is invalid: spec.ports[0].nodePort: Invalid value: 30071: provided port "
            "is already allocated");
}

TEST_F(ServiceAllocationTest, AServiceWithoutNodePortsHasNoneByNamingThem) {
  const std::string ports = R"("ports": [{"port": 80, "nodePort": 30072}])";
  const std::string name = R"({"type": "ExternalName", "externalName": "a.example", )";
  ASSERT_EQ(Make("owner", R"({"type": "NodePort", )" + ports + "}").code, 201);
  ASSERT_EQ(Make("other", name + ports + "}").code, 201);
  EXPECT_EQ(Change("other", R"({"type": "NodePort", "externalName": null})").message(),
            "Service \"other\" is invalid: spec.ports[0].nodePort: Invalid value: 30072: provided "
            "port is already allocated");
  ASSERT_EQ(Ask("DELETE", std::string(kServices) + "/other").code, 200);
  EXPECT_EQ(Make("third", R"({"type": "NodePort", )" + ports + "}").code, 422);
}

TEST_F(ServiceAllocationTest, APortThatAServiceNamedBeforeMayBeOfNoRange) {
  const std::string ports = R"("ports": [{"port": 80, "nodePort": 1}])";
  ASSERT_EQ(
      Make("a", R"({"type": "ExternalName", "externalName": "a.example", )" + ports + "}").code,
      201);
  const auto changed = Change("a", R"({"type": "NodePort", "externalName": null})");
  ASSERT_EQ(changed.code, 200) << changed.body;
  EXPECT_EQ(changed.body["spec"]["ports"][0]["nodePort"], 1);
  EXPECT_EQ(Make("b", R"({"type": "NodePort", )" + ports + "}").message(),
            "Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 1: provided port is "
            "not in the valid range. The range of valid ports is 30000-32767");
}

TEST_F(ServiceAllocationTest, AnAddressIsTakenHoweverItsServiceWritesIt) {
  ASSERT_EQ(Make("a", R"({"clusterIP": "010.0.0.9", "ports": [{"port": 80}]})").code, 201);
  clock_.Advance(ServiceClaims::kAbandonedAfter + 1s);
  core_v1::Service other;
  other.metadata.namespace_ = "default";
  other.metadata.name = "b";
  ServiceClaims claims(*store_, clock_, random_);
  const auto taken = claims.Take("10.0.0.9", other);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_FALSE(taken->has_value());
}

TEST_F(ServiceAllocationTest, ADryRunMakesUpPortsBehindThoseItHas) {
  const std::string dry = "?dryRun=All";
  const auto local = Make("a", R"({"type": "LoadBalancer", "externalTrafficPolicy": "Local",
                                   "ports": [{"port": 80}]})",
                          dry);
  ASSERT_EQ(local.code, 201) << local.body;
  EXPECT_EQ(local.body["spec"]["ports"][0]["nodePort"], 32769);
  EXPECT_EQ(local.body["spec"]["healthCheckNodePort"], 32770);
  const auto given = Make("a", R"({"type": "NodePort", "ports": [
      {"name": "a", "port": 80, "nodePort": 31000}, {"name": "b", "port": 81}]})",
                          dry);
  ASSERT_EQ(given.code, 201) << given.body;
  EXPECT_EQ(given.body["spec"]["ports"][1]["nodePort"], 31001);
}

// Where something happens just before it is read or written.
class InterruptedStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    if (before_get) before_get();
    return ForwardingStore::Get(key, at);
  }
  Result<Written> Apply(Write write) override {
    if (before_apply) std::exchange(before_apply, nullptr)();
    return ForwardingStore::Apply(std::move(write));
  }
  std::function<void()> before_get;
  std::function<void()> before_apply;  // Once.
};

class AllocationCountsTest : public ServiceAllocationTest {
 protected:
  void Allocate(bool shared) {
    allocation_ = *ServiceAllocation::Create(
        {.cluster_ip_ranges = {"10.7.0.0/24"}, .shared = shared}, interrupted_, clock_, random_);
    allocation_->AddMetrics(registry_);
  }
  Result<std::unique_ptr<Reservation>> Reserve(const std::string& spec) {
    Object service = *Object::FromText(core_v1::Service::Info(),
                                       R"({"metadata": {"namespace": "default", "name": "a"},
                                           "spec": )" +
                                           spec + "}");
    return allocation_->Reserve(service, nullptr, false);
  }
  bool Says(const std::string& line) const {
    return registry_.Text().find("\nkube_apiserver_" + line + "\n") != std::string::npos;
  }

  std::unique_ptr<RocksdbStore> others_ =
      *RocksdbStore::Open({.path = "/others", .env = env_.get()}, clock_);
  InterruptedStore interrupted_{*others_};
  std::unique_ptr<ServiceAllocation> allocation_;
  MetricRegistry registry_;
};

TEST_F(AllocationCountsTest, AScrapeDoesNotWaitForARequestThatWaitsForTheStore) {
  Allocate(false);
  int scrapes = 0;
  interrupted_.before_get = [&] {
    ++scrapes;
    EXPECT_TRUE(Says("nodeport_allocator_allocated_ports 0")) << registry_.Text();
  };
  const auto reserved =
      Reserve(R"({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30001}]})");
  ASSERT_TRUE(reserved) << reserved.error().message;
  EXPECT_GT(scrapes, 0);
  EXPECT_TRUE(Says("nodeport_allocator_allocated_ports 1")) << registry_.Text();
}

TEST_F(AllocationCountsTest, APortThatAnotherServerClaimsFirstHasNotBeenGiven) {
  Allocate(true);
  interrupted_.before_apply = [&] {
    core_v1::Service other;
    other.metadata.namespace_ = "default";
    other.metadata.name = "b";
    ServiceClaims claims(*others_, clock_, random_);
    EXPECT_TRUE(claims.Take("30001", other)->has_value());
  };
  EXPECT_FALSE(Reserve(R"({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30001}]})"));
  const std::string static_ports = R"({scope="static"} 1)";
  EXPECT_TRUE(Says("nodeport_allocator_allocation_errors_total" + static_ports))
      << registry_.Text();
  EXPECT_FALSE(Says("nodeport_allocator_allocation_total" + static_ports));
  EXPECT_TRUE(Reserve(R"({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30002}]})"));
  EXPECT_TRUE(Says("nodeport_allocator_allocation_total" + static_ports)) << registry_.Text();
}

TEST_F(AllocationCountsTest, AnAddressOfNoRangeIsNotCounted) {
  Allocate(false);
  EXPECT_FALSE(Reserve(R"({"clusterIP": "192.0.2.1", "clusterIPs": ["192.0.2.1"],
                           "ports": [{"port": 80}]})"));
  EXPECT_EQ(registry_.Text().find("cidr=\"\""), std::string::npos) << registry_.Text();
}

}  // namespace
}  // namespace skiff
