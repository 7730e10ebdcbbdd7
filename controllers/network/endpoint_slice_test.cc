// What is told of slices that are not as they should be.
#include <gmock/gmock.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using EndpointSliceRounds = ListingServerTest;

TEST_F(EndpointSliceRounds, APodOnANodeThatIsNotThereIsToldOf) {
  Put("/api/v1/services", "/api/v1/namespaces/default/services/web",
      {{"spec",
        {{"selector", {{"app", "web"}}},
         {"ipFamilies", {"IPv4"}},
         {"clusterIP", "10.96.0.9"},
         {"ports", {{{"port", 80}, {"protocol", "TCP"}, {"targetPort", 80}}}}}}});
  Put("/api/v1/pods", "/api/v1/namespaces/default/pods/web-1",
      {{"metadata", {{"labels", {{"app", "web"}}}}},
       {"spec", {{"nodeName", "gone"}, {"containers", {{{"name", "main"}}}}}},
       {"status",
        {{"phase", "Running"}, {"podIPs", {{{"ip", "10.0.0.1"}}}}, {"podIP", "10.0.0.1"}}}});
  MetricRegistry registry;
  AddEndpointSliceController(manager_, 100, &registry);
  Run(1s);
  EXPECT_THAT(told(), testing::Contains("FailedToUpdateEndpointSlices"));
  EXPECT_THAT(written(),
              testing::Contains("POST /apis/discovery.k8s.io/v1/namespaces/default/endpointslices"))
      << "without the pod";
  EXPECT_THAT(registry.Text(),
              testing::HasSubstr("endpoint_slice_controller_syncs{result=\"error\"} "));
}

}  // namespace
}  // namespace skiff
