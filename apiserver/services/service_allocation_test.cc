#include "apiserver/services/service_allocation.h"

#include "apiserver/server/server_fixture.h"
#include "apiserver/services/service_claims.h"

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

}  // namespace
}  // namespace skiff
