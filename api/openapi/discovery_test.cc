#include "api/openapi/discovery.h"
#include "base/source_root.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace skiff {
namespace {

// What a request of this path answers; null when there is nothing.
Json Answer(const std::string& path) {
  const KindList kinds = BuiltInKinds();
  if (path == "/api") return DiscoveryJson(CoreVersions(kinds, "<address>"));
  if (path == "/apis") return DiscoveryJson(GroupsOf(kinds));
  if (path == "aggregated /api") return DiscoveryJson(AggregatedGroups(kinds, true));
  if (path == "aggregated /apis") return DiscoveryJson(AggregatedGroups(kinds, false));
  const bool core = path.starts_with("/api/");
  const std::string rest = path.substr(core ? 5 : 6);
  const size_t slash = core ? 0 : rest.find('/');
  if (slash == std::string::npos) {
    const auto group = GroupOf(kinds, rest);
    return group ? DiscoveryJson(*group) : Json();
  }
  const auto list = core ? ResourcesOf(kinds, "", rest)
                         : ResourcesOf(kinds, rest.substr(0, slash), rest.substr(slash + 1));
  return list ? DiscoveryJson(*list) : Json();
}

// The answers are those of a kube-apiserver v1.35.6.
TEST(DiscoveryTest, AnswersAreThoseOfKubernetes) {
  std::ifstream file(std::string(kSourceRoot) + "/api/testdata/discovery.json");
  const Json answers = Json::parse(file);
  ASSERT_EQ(answers.size(), 46);
  for (const auto& [path, expected] : answers.items()) {
    const Json answer = Answer(path);
    EXPECT_EQ(answer, expected) << path << Json::diff(answer, expected).dump(1);
  }
}

TEST(DiscoveryTest, WhatIsNotServedIsNotFound) {
  EXPECT_TRUE(Answer("/apis/none.example.com").is_null());
  EXPECT_TRUE(Answer("/apis/apps/v2").is_null());
  EXPECT_TRUE(Answer("/api/v2").is_null());
}

TEST(DiscoveryTest, VersionsHaveKubernetesOrder) {
  std::vector<std::string> versions = {"foo", "v1alpha1", "v1",  "v10",     "v2beta1",
                                       "v2",  "v1beta2",  "bar", "v1beta10"};
  std::sort(versions.begin(), versions.end(), VersionGoesBefore);
  EXPECT_THAT(versions, testing::ElementsAre("v10", "v2", "v1", "v2beta1", "v1beta10", "v1beta2",
                                             "v1alpha1", "bar", "foo"));
}

TEST(DiscoveryTest, CustomKindsComeLastAndNameTheirGroup) {
  constexpr std::string_view kVerbs[] = {"delete", "get", "create"};
  constexpr std::string_view kScaleVerbs[] = {"get"};
  const Subresource scale = {"scale", "autoscaling/v1", "Scale", kScaleVerbs};
  const Type type = {.shape = Shape::kStruct};
  KindInfo beta = {.group = "example.com",
                   .version = "v1beta1",
                   .api_version = "example.com/v1beta1",
                   .kind = "Thing",
                   .resource = "things",
                   .singular = "thing",
                   .verbs = kVerbs,
                   .storage_key = "example.com/things",
                   .storage_version = "example.com/v1",
                   .subresources = {&scale, 1},
                   .group_priority = 1000,
                   .version_priority = 100,
                   .type = &type};
  KindInfo ga = beta;
  ga.version = "v1";
  ga.api_version = "example.com/v1";
  std::vector<const KindInfo*> kinds = {&beta, &ga};
  kinds.insert(kinds.end(), BuiltInKinds().begin(), BuiltInKinds().end());
  const auto groups = GroupsOf(kinds);
  EXPECT_EQ(groups.groups.back().name, "example.com");
  EXPECT_EQ(groups.groups.back().preferred_version.version, "v1");
  const auto list = ResourcesOf(kinds, "example.com", "v1beta1");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->resources.size(), 2);
  EXPECT_THAT(list->resources[0].verbs, testing::ElementsAre("delete", "get", "create"));
  EXPECT_EQ(list->resources[1].group, "autoscaling");
  const Json aggregated = DiscoveryJson(AggregatedGroups(kinds, false)).at("items").back();
  EXPECT_EQ(aggregated["versions"][0]["resources"][0]["responseKind"],
            (Json{{"group", "example.com"}, {"version", "v1"}, {"kind", "Thing"}}));
}

}  // namespace
}  // namespace skiff
