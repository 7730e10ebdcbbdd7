#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/ingress/ingress_plan.h"
#include "proxy/ingress/ingress_test_objects.h"

namespace skiff::ingress {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

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

TEST(IngressPathsTest, WhatIsAPatternToOtherControllersIsToldToBeNoneHere) {
  TestObjects objects;
  objects.AddService("web", {});
  objects.AddRule("star", "foo.com", "/api/*", "ImplementationSpecific", "web");
  objects.AddRule("expression", "", "/v1(/|$)(.*)", "ImplementationSpecific", "web");
  objects.AddRule("prefix", "", "/*", "Prefix", "web");
  objects.AddRule("plain", "", "/a-b.c/$x", "ImplementationSpecific", "web");
  const IngressPlan plan = objects.Plan();
  EXPECT_EQ(ProblemsOf(plan, "star"),
            "LiteralPath: /api/* of host foo.com is no pattern here: requests are led by it that "
            "have these very characters\n");
  EXPECT_THAT(ProblemsOf(plan, "expression"), HasSubstr("LiteralPath: /v1(/|$)(.*) of host *"));
  EXPECT_EQ(ProblemsOf(plan, "prefix"), "");
  EXPECT_EQ(ProblemsOf(plan, "plain"), "");
  EXPECT_EQ(plan.prefix.size(), 4u) << "they are served as they are written";
}

TEST(IngressPathsTest, ADefaultBackendIsForAllHostsWhereARuleNamesNoneAndForNoneThatIsNoName) {
  TestObjects objects;
  objects.AddService("web", {});
  auto& some = objects.AddRule("some", "foo.com", "/a", "Prefix", "web");
  some.spec.default_backend = some.spec.rules[0].http->paths[0].backend;
  some.spec.rules.push_back(some.spec.rules[0]);
  some.spec.rules[1].host = "";
  EXPECT_THAT(objects.Plan().defaults,
              UnorderedElementsAre(Pair("-", "default.web.80"), Pair("foo.com", "default.web.80")));
  some.spec.rules.erase(some.spec.rules.begin());
  some.spec.rules[0].host = "no_name";
  EXPECT_THAT(objects.Plan().defaults, IsEmpty());
}

}  // namespace
}  // namespace skiff::ingress
