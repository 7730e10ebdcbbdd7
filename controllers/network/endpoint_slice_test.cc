// What is told of slices that are not as they should be.
#include <gmock/gmock.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

class EndpointSliceRounds : public ListingServerTest {
 protected:
  // A Service, and a pod of it with an address, on that node.
  void PutServiceOfAPodOn(const std::string& node) {
    Put("/api/v1/services", "/api/v1/namespaces/default/services/web",
        {{"spec",
          {{"selector", {{"app", "web"}}},
           {"ipFamilies", {"IPv4"}},
           {"clusterIP", "10.96.0.9"},
           {"ports", {{{"port", 80}, {"protocol", "TCP"}, {"targetPort", 80}}}}}}});
    Put("/api/v1/pods", "/api/v1/namespaces/default/pods/web-1",
        {{"metadata", {{"labels", {{"app", "web"}}}}},
         {"spec", {{"nodeName", node}, {"containers", {{{"name", "main"}}}}}},
         {"status",
          {{"phase", "Running"}, {"podIPs", {{{"ip", "10.0.0.1"}}}}, {"podIP", "10.0.0.1"}}}});
  }
  // What the first slice that is made holds.
  Json MadeEndpoints() const {
    const auto made = std::ranges::find(
        written(), "POST /apis/discovery.k8s.io/v1/namespaces/default/endpointslices");
    if (made == written().end()) return "none is made";
    const Json slice = Json::parse(bodies()[static_cast<size_t>(made - written().begin())]);
    return slice.value("endpoints", Json());
  }
};

TEST_F(EndpointSliceRounds, APodOnANodeThatIsNotThereIsToldOf) {
  PutServiceOfAPodOn("gone");
  MetricRegistry registry;
  AddEndpointSliceController(manager_, 100, &registry);
  Run(1s);
  EXPECT_THAT(told(), testing::Contains("FailedToUpdateEndpointSlices"));
  EXPECT_TRUE(MadeEndpoints().empty()) << MadeEndpoints();
  EXPECT_THAT(registry.Text(),
              testing::HasSubstr("endpoint_slice_controller_syncs{result=\"error\"} "));
}

// Anybody who may write its status can give it an address.
TEST_F(EndpointSliceRounds, APodThatIsOnNoNodeServesNobody) {
  PutServiceOfAPodOn("");
  AddEndpointSliceController(manager_, 100);
  Run(1s);
  EXPECT_THAT(messages(),
              testing::Contains("Error updating Endpoint Slices for Service default/web: "
                                "skipping Pod web-1 for Service default/web: Node  Not Found"));
  EXPECT_TRUE(MadeEndpoints().empty()) << MadeEndpoints();
}

}  // namespace
}  // namespace skiff
