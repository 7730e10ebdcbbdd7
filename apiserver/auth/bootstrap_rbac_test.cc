#include "apiserver/auth/bootstrap_rbac.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(BootstrapRbac, ReadsRolesAndBindings) {
  const auto objects = ParseBootstrapRbac(R"(
clusterrole a
  label k v
  allow get,
        list core,apps pods one
  url get /x,/y/*
controller c
  allow get core nodes
binding ns b r
  subject User u
)");
  ASSERT_EQ(objects.size(), 4u);
  EXPECT_EQ(objects[0]["metadata"]["labels"]["k"], "v");
  EXPECT_EQ(objects[0]["rules"][0],
            Json::parse(R"({"verbs":["get","list"],"apiGroups":["","apps"],"resources":["pods"],
                            "resourceNames":["one"]})"));
  EXPECT_EQ(objects[0]["rules"][1]["nonResourceURLs"], Json::parse(R"(["/x","/y/*"])"));
  EXPECT_EQ(objects[1]["subjects"][0]["name"], "c");
  EXPECT_EQ(objects[2]["metadata"]["name"], "system:controller:c");
  EXPECT_EQ(objects[3]["metadata"]["namespace"], "ns");
  EXPECT_EQ(objects[3]["roleRef"]["kind"], "Role");
}

TEST(BootstrapRbac, HoldsTheDefaultRolesOfKubernetes) {
  size_t roles = 0;
  size_t bindings = 0;
  for (const auto text : {kBootstrapRoles, kBootstrapControllerRoles, kBootstrapBindings}) {
    for (const Json& object : ParseBootstrapRbac(text)) {
      (object["kind"].get<std::string>().ends_with("Role") ? roles : bindings)++;
    }
  }
  EXPECT_GT(roles, 70u);
  EXPECT_GT(bindings, 55u);
}

}  // namespace
}  // namespace skiff
