#include "client/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "client/transport.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A server of these documents, by their paths.
class DiscoveryOfServerTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) const {
    const auto found = documents_.find(request.path);
    if (found == documents_.end()) return {.status = 404, .content_type = "application/json"};
    return {.status = 200, .content_type = "application/json", .body = found->second};
  }

  std::map<std::string, std::string> documents_;
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "test"};
};

// Namespaces are deleted by what is told here: who tells nonsense must not keep them all.
TEST_F(DiscoveryOfServerTest, WhatAnExtensionSaysMayBeAnything) {
  documents_["/api/v1"] = R"({"resources":[{"name":"pods","kind":"Pod","namespaced":true,
      "verbs":["delete",7]},{"name":"pods/log"},{"name":"nodes","kind":"Node"}]})";
  documents_["/apis"] = R"({"groups":[5,{"preferredVersion":"v1"},
      {"preferredVersion":{"groupVersion":"evil/v1"}},
      {"preferredVersion":{"groupVersion":"worse/v1"}}]})";
  documents_["/apis/evil/v1"] = R"({"resources":[{"name":"traps","namespaced":"yes"},[],"x",
      {"name":{}},{"name":"fine","namespaced":false}]})";
  documents_["/apis/worse/v1"] = "[]";
  const auto served = Discover(client_);
  ASSERT_TRUE(served) << served.error().message;
  std::vector<std::string> names;
  for (const ServedResource& each : served->resources) names.push_back(each.resource.name);
  EXPECT_THAT(names, ElementsAre("pods", "nodes", "fine"));
  EXPECT_TRUE(served->resources[0].resource.namespaced);
  EXPECT_TRUE(served->resources[0].Has("delete"));
  EXPECT_FALSE(served->resources[1].resource.namespaced);
  EXPECT_THAT(served->failures, ElementsAre(HasSubstr("evil/v1: the server says of traps")));
}

TEST_F(DiscoveryOfServerTest, AGroupThatCannotBeAskedIsNamedInTheWordsOfKubernetes) {
  documents_["/api/v1"] = R"({"resources":[]})";
  documents_["/apis"] = R"({"groups":[{"preferredVersion":{"groupVersion":"away.io/v1"}}]})";
  const auto served = Discover(client_);
  ASSERT_TRUE(served) << served.error().message;
  EXPECT_THAT(served->failures,
              ElementsAre("away.io/v1: stale GroupVersion discovery: away.io/v1"));
}

// Of two custom kinds of a group one may be in v1alpha1 alone: it is there as well.
TEST_F(DiscoveryOfServerTest, WhatThePreferredVersionDoesNotHaveIsFoundInTheOthers) {
  documents_["/api/v1"] = R"({"resources":[]})";
  documents_["/apis"] = R"({"groups":[{"preferredVersion":{"groupVersion":"a.io/v1"},"versions":[
      {"groupVersion":"a.io/v1"},{"groupVersion":"a.io/v1beta1"},
      {"groupVersion":"a.io/v1alpha1"}]}]})";
  documents_["/apis/a.io/v1"] = R"({"resources":[{"name":"gates","kind":"Gate"}]})";
  documents_["/apis/a.io/v1beta1"] =
      R"({"resources":[{"name":"gates","kind":"Gate"},{"name":"grants","kind":"Grant"}]})";
  documents_["/apis/a.io/v1alpha1"] =
      R"({"resources":[{"name":"grants","kind":"Grant"},{"name":"routes","kind":"Route"}]})";
  const auto served = Discover(client_);
  ASSERT_TRUE(served) << served.error().message;
  EXPECT_THAT(served->failures, testing::IsEmpty());
  std::vector<std::string> found;
  for (const ServedResource& each : served->resources) {
    found.push_back(each.resource.api_version + " " + each.resource.name);
  }
  EXPECT_THAT(found, ElementsAre("a.io/v1 gates", "a.io/v1beta1 grants", "a.io/v1alpha1 routes"));
}

}  // namespace
}  // namespace skiff
