#include <gmock/gmock.h>

#include <algorithm>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Contains;

using NodeLifecycleRounds = ListingServerTest;

TEST_F(NodeLifecycleRounds, APodThatCannotBeMarkedKeepsNoOtherInService) {
  Put("/api/v1/nodes", "/api/v1/nodes/n",
      {{"status", {{"conditions", {{{"type", "Ready"}, {"status", "Unknown"}}}}}}});
  for (const char* name : {"a", "b"}) {
    Put("/api/v1/pods", std::string("/api/v1/namespaces/default/pods/") + name,
        {{"spec", {{"nodeName", "n"}, {"containers", {{{"name", "main"}}}}}},
         {"status",
          {{"phase", "Running"}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
  }
  const std::string mark = "PUT /api/v1/namespaces/default/pods/a/status";
  const auto marks = [&] { return std::count(written().begin(), written().end(), mark); };
  refused_.insert(mark);
  AddNodeLifecycleController(manager_, {});
  Run(1s);
  EXPECT_THAT(written(), Contains("PUT /api/v1/namespaces/default/pods/b/status"));
  refused_.clear();
  Run(1min);
  const auto before = marks();
  EXPECT_GT(before, 1);
  Run(1min);
  EXPECT_EQ(marks(), before) << "it is done with";
}

}  // namespace
}  // namespace skiff
