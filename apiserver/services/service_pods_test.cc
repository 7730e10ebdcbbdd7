#include "apiserver/services/service_pods.h"

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class ServicePodsTest : public ServerFixture {
 protected:
  static constexpr const char* kPods = "/api/v1/namespaces/default/pods";

  void MakePod(const std::string& name, const std::string& ip) {
    const auto made =
        Post(kPods, R"({"metadata": {"name": ")" + name +
                        R"("}, "spec": {"containers": [{"name": "c", "image": "i"}]}})");
    ASSERT_EQ(made.code, 201) << made.message();
    const auto told =
        Merge(kPods + ("/" + name) + "/status",
              R"({"status": {"podIP": ")" + ip + R"(", "podIPs": [{"ip": ")" + ip + R"("}]}})");
    ASSERT_EQ(told.code, 200) << told.message();
  }
  static void AddAddress(const std::string& ip, const std::string& pod,
                         core_v1::EndpointSubset& subset) {
    auto& address = subset.addresses.emplace_back();
    address.ip = ip;
    address.target_ref.emplace();
    address.target_ref->kind = "Pod";
    address.target_ref->namespace_ = "default";
    address.target_ref->name = pod;
  }
  static void AddPort(const std::string& name, int port, core_v1::EndpointSubset& subset) {
    auto& added = subset.ports.emplace_back();
    added.name = name;
    added.port = port;
  }
  std::optional<http::Upstream> Behind(const core_v1::Endpoints& endpoints) {
    return PodBehind({*store_, random_, nullptr}, endpoints, "a");
  }
};

// All of them with all addresses were a list that no memory holds.
TEST_F(ServicePodsTest, OfPortsThatAreCalledTheSameTheFirstIsMeant) {
  MakePod("web", "192.0.2.7");
  core_v1::Endpoints endpoints;
  endpoints.metadata.namespace_ = "default";
  auto& subset = endpoints.subsets.emplace_back();
  AddAddress("192.0.2.7", "web", subset);
  AddPort("b", 1, subset);
  for (int port = 80; port < 180; ++port) AddPort("a", port, subset);
  for (int tries = 0; tries < 20; ++tries) {
    const auto found = Behind(endpoints);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->port, 80);
  }
}

TEST_F(ServicePodsTest, APodThatManyAddressesNameIsLookedAtOnce) {
  MakePod("web", "192.0.2.7");
  MakePod("other", "192.0.2.8");
  core_v1::Endpoints endpoints;
  endpoints.metadata.namespace_ = "default";
  auto& subset = endpoints.subsets.emplace_back();
  for (int i = 0; i < 1000; ++i) AddAddress("192.0.2.9", "other", subset);
  AddPort("a", 80, subset);
  EXPECT_FALSE(Behind(endpoints)) << "no pod has that address";
  AddAddress("192.0.2.7", "web", subset);
  const auto found = Behind(endpoints);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->host, "192.0.2.7");
}

}  // namespace
}  // namespace skiff
