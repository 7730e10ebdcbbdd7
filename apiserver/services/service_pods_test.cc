#include "apiserver/services/service_pods.h"

#include <set>

#include "apiserver/server/server_fixture.h"
#include "apiserver/services/service_slices.h"
#include "apiserver/storage/forwarding_store.h"

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
  static constexpr const char* kSlices =
      "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

  void MakeHeadless() {
    const auto made = Post("/api/v1/namespaces/default/services",
                           R"({"metadata": {"name": "agg"}, "spec": {"clusterIP": "None",
                               "ports": [{"name": "a", "port": 443}]}})");
    ASSERT_EQ(made.code, 201) << made.message();
  }
  // Endpoints and ports are JSON.
  void MakeSlice(const std::string& name, const std::string& endpoints, const std::string& ports) {
    const auto made = Post(kSlices, R"({"metadata": {"name": ")" + name +
                                        R"(", "labels": {"kubernetes.io/service-name": "agg"}},
                                        "addressType": "IPv4", "endpoints": )" +
                                        endpoints + R"(, "ports": )" + ports + "}");
    ASSERT_EQ(made.code, 201) << made.message();
  }
  // "192.0.2.1:8443", or what is wrong.
  std::string ToEndpoint(int port = 443, bool to_endpoints = true) {
    const auto found = UpstreamOfService(
        {.store = *store_, .random = random_, .nodes = nullptr, .to_endpoints = to_endpoints},
        "default", "agg", port);
    return found ? found->host + ":" + std::to_string(found->port) : found.error().message;
  }
  std::string ToService(int port = 443) { return ToEndpoint(port, false); }
  void MakeService(const std::string& spec) {
    const auto made = Post("/api/v1/namespaces/default/services",
                           R"({"metadata": {"name": "agg"}, "spec": )" + spec + "}");
    ASSERT_EQ(made.code, 201) << made.message();
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

TEST_F(ServicePodsTest, AnEndpointIsAnyOneThatIsReady) {
  EXPECT_EQ(ToEndpoint(), "service \"agg\" not found");
  MakeHeadless();
  EXPECT_EQ(ToEndpoint(80), "no service port 80 found for service \"agg\"");
  EXPECT_EQ(ToEndpoint(), "no endpoints available for service \"agg\"");
  MakeSlice("other", R"([{"addresses": ["192.0.2.9"]}])", R"([{"name": "b", "port": 8443}])");
  MakeSlice("unready", R"([{"addresses": ["192.0.2.9"], "conditions": {"ready": false}}])",
            R"([{"name": "a", "port": 8443}])");
  EXPECT_EQ(ToEndpoint(), "no endpoints available for service \"agg\"");
  MakeSlice("ready", R"([{"addresses": ["192.0.2.1"]}, {"addresses": ["192.0.2.2"]}])",
            R"([{"name": "b", "port": 80}, {"name": "a", "port": 8443}])");
  std::set<std::string> found;
  for (int tries = 0; tries < 100; ++tries) found.insert(ToEndpoint());
  EXPECT_EQ(found, (std::set<std::string>{"192.0.2.1:8443", "192.0.2.2:8443"}));
}

// Counts the records that lists look at.
class LookedAt final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<ListPage> List(const ListRequest& request) override {
    ListRequest counted = request;
    counted.filter = [&](const Record& record) {
      ++count;
      return !request.filter || request.filter(record);
    };
    return ForwardingStore::List(counted);
  }
  size_t count = 0;
};

TEST_F(ServicePodsTest, SlicesOfOtherServicesAreNotLookedAt) {
  MakeHeadless();
  MakeSlice("own", R"([{"addresses": ["192.0.2.1"]}])", R"([{"name": "a", "port": 8443}])");
  constexpr int kOthers = 40;
  for (int i = 0; i < kOthers; ++i) {
    const Json other = {{"metadata",
                         {{"name", "other-" + std::to_string(i)},
                          {"labels", {{"kubernetes.io/service-name", "other"}}}}},
                        {"addressType", "IPv4"},
                        {"endpoints", Json::array()}};
    const auto made = Post(kSlices, other.dump());
    ASSERT_EQ(made.code, 201) << made.message();
  }
  LookedAt store(*store_);
  for (int call = 0; call < 3; ++call) {
    store.count = 0;
    const auto slices = SlicesOfService(store, "default", "agg");
    ASSERT_TRUE(slices);
    ASSERT_EQ(slices->size(), 1u);
    EXPECT_EQ(slices->front().metadata.name, "own");
    EXPECT_LT(store.count, 5u);
  }
}

// Its own address leads anywhere on a machine where no proxy makes something of it.
TEST_F(ServicePodsTest, AServiceIsReachedAtAnEndpointAndNeverAtItsOwnAddress) {
  EXPECT_EQ(ToService(), "service \"agg\" not found");
  MakeService(R"({"ports": [{"name": "a", "port": 443}]})");
  EXPECT_EQ(ToService(80), "no service port 80 found for service \"agg\"");
  const std::string none = "no endpoints available for service \"agg\"";
  EXPECT_EQ(ToService(), none);
  const std::string ports = R"([{"name": "b", "port": 80}, {"name": "a", "port": 8443}])";
  MakeSlice("unready", R"([{"addresses": ["192.0.2.9"], "conditions": {"ready": false}}])", ports);
  EXPECT_EQ(ToService(), none);
  MakeSlice("ending", R"([{"addresses": ["192.0.2.8"], "conditions": {
                "ready": false, "serving": true, "terminating": true}}])",
            ports);
  EXPECT_EQ(ToService(), "192.0.2.8:8443") << "as proxies do where nobody else is there";
  EXPECT_EQ(ToEndpoint(), none) << "which kube-apiserver's resolver does not";
  MakeSlice("ready", R"([{"addresses": ["192.0.2.1"]}, {"addresses": ["192.0.2.2"], "targetRef": {
                "kind": "Machine", "name": "m", "namespace": "default"}}])",
            ports);
  std::set<std::string> found;
  for (int tries = 0; tries < 100; ++tries) found.insert(ToService());
  EXPECT_EQ(found, (std::set<std::string>{"192.0.2.1:8443", "192.0.2.2:8443"}));
}

TEST_F(ServicePodsTest, ANameOfASliceLeadsThereOnlyWhereItIsAskedFor) {
  MakeService(R"({"ports": [{"name": "a", "port": 443}]})");
  const auto made = Post(kSlices, R"({"metadata": {"name": "named",
                             "labels": {"kubernetes.io/service-name": "agg"}},
                             "addressType": "FQDN", "endpoints": [{"addresses": ["a.example"]}],
                             "ports": [{"name": "a", "port": 8443}]})");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(ToService(), "no endpoints available for service \"agg\"");
  EXPECT_EQ(ToEndpoint(), "a.example:8443");
}

}  // namespace
}  // namespace skiff
