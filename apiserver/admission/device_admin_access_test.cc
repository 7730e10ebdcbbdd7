#include <gtest/gtest.h>

#include <string>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class DeviceAdminAccessTest : public ServerFixture {};

TEST_F(DeviceAdminAccessTest, NoStatusGivesWhatTheNamespaceDoesNotAllow) {
  const std::string claims = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims";
  ASSERT_EQ(Post(claims, R"({"metadata": {"name": "c"}, "spec": {"devices": {"requests":
                             [{"name": "a", "exactly": {"deviceClassName": "c"}}]}}})")
                .code,
            201);
  const std::string given = R"({"status": {"allocation": {"devices": {"results": [
      {"request": "a", "driver": "d.example.com", "pool": "p", "device": "x"},
      {"request": "a", "driver": "d.example.com", "pool": "p", "device": "y",
       "adminAccess": true}]}}}})";
  const auto refused = Merge(claims + "/c/status", given);
  EXPECT_EQ(refused.code, 422);
  EXPECT_EQ(refused.message(),
            "ResourceClaim.resource.k8s.io \"c\" is invalid: "
            "status.allocation.devices.results[1].adminAccess: Forbidden: admin access to devices "
            "requires the `resource.kubernetes.io/admin-access: true` label on the containing "
            "namespace");
  const std::string space = "/api/v1/namespaces/default";
  const std::string label = R"({"metadata": {"labels": {"resource.kubernetes.io/admin-access": )";
  Merge(space, label + R"("true"}}})");
  EXPECT_EQ(Merge(claims + "/c/status", given).code, 200);
  // What was given stays so.
  Merge(space, label + R"(null}}})");
  const auto reserved = Merge(claims + "/c/status", R"({"status": {"reservedFor": [
      {"resource": "pods", "name": "p", "uid": "u"}]}})");
  EXPECT_EQ(reserved.code, 200) << reserved.message();
}

}  // namespace
}  // namespace skiff
