#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/ingress/ingress_plan.h"
#include "proxy/ingress/ingress_test_objects.h"

namespace skiff::ingress {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(IngressPathsTest, OfAPathThatIsThereTwiceTheFirstIsServedAndTheOtherTold) {
  TestObjects objects;
  objects.AddService("first", {});
  objects.AddService("second", {});
  auto& paths =
      objects.AddRule("site", "foo.com", "/a", "Prefix", "first").spec.rules[0].http->paths;
  paths.push_back(paths[0]);
  paths[1].path = "/a/";
  EXPECT_EQ(ProblemsOf(objects.Plan(), "site"), "") << "it leads to the same";
  paths[1].backend.service->name = "second";
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.prefix, ElementsAre(Pair("foo.com%2Fa%2F", "default.first.80")));
  EXPECT_EQ(ProblemsOf(plan, "site"),
            "PathTaken: the path /a/ of host foo.com is the same as the path /a of host foo.com, "
            "and leads where the first one says\n");
  paths[1].path = "/a";
  EXPECT_EQ(ProblemsOf(objects.Plan(), "site"),
            "PathTaken: the path /a of host foo.com is there twice, and leads where the first one "
            "says\n");
}

TEST(IngressPathsTest, APortByItsNumberAndByItsNameIsOne) {
  TestObjects objects;
  objects.AddService("web", {});
  auto& paths = objects.AddRule("site", "foo.com", "/a", "Prefix", "web").spec.rules[0].http->paths;
  paths.push_back(paths[0]);
  paths[1].backend.service->port = {};
  paths[1].backend.service->port.name = "http";
  EXPECT_EQ(ProblemsOf(objects.Plan(), "site"), "");
  paths[1].backend.service->port.name = "other";
  EXPECT_NE(ProblemsOf(objects.Plan(), "site"), "");
}

}  // namespace
}  // namespace skiff::ingress
