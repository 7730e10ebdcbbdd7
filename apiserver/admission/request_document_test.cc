// What those who judge requests by expressions are told of one.
#include "apiserver/admission/request_document.h"

#include <gtest/gtest.h>

#include "api/registry.h"

namespace skiff {
namespace {

TEST(RequestDocument, WhoeverIsAskedWhatTheUserMayDoIsNotToldTheVersion) {
  const User user{.name = "alice"};
  std::vector<std::string> warnings;
  Registry registry;
  const auto kinds = registry.Now();
  const KindInfo& kind = *kinds->FindResource("apps", "v1", "deployments");
  const AdmissionRequest request{.operation = Operation::kUpdate,
                                 .kind = kind,
                                 .subresource = "scale",
                                 .namespace_name = "a",
                                 .name = "d",
                                 .user = user,
                                 .warnings = warnings};
  const cel::AccessQuestion asked = RequestedAccess(request);
  EXPECT_EQ(asked.version, "*");
  EXPECT_EQ(asked.group + "/" + asked.resource + "/" + asked.subresource, "apps/deployments/scale");
  EXPECT_EQ(asked.name_space + "/" + asked.name, "a/d");
}

}  // namespace
}  // namespace skiff
