#include "controllers/workloads/revision_history.h"

#include <gtest/gtest.h>

#include <limits>

namespace skiff {
namespace {

// Made in that order.
Revisions Of(const std::vector<std::string>& names) {
  Revisions revisions;
  for (const std::string& name : names) {
    auto revision = std::make_shared<apps_v1::ControllerRevision>();
    revision->metadata.name = name;
    revision->revision = static_cast<int64_t>(revisions.size()) + 1;
    revisions.push_back(std::move(revision));
  }
  return revisions;
}

std::vector<std::string> NamesOf(const Revisions& revisions) {
  std::vector<std::string> names;
  for (const auto& each : revisions) names.push_back(each->metadata.name);
  return names;
}

using Names = std::vector<std::string>;

TEST(RevisionHistoryTest, OfAStatefulSetThoseInUseAreBesideTheLimit) {
  const Revisions all = Of({"a", "b", "c", "d"});
  EXPECT_EQ(NamesOf(OutdatedRevisions(all, {"c", "d"}, 1)), (Names{"a"}));
  EXPECT_EQ(NamesOf(OutdatedRevisions(all, {"a", "d"}, 0)), (Names{"b", "c"}));
  EXPECT_EQ(NamesOf(OutdatedRevisions(all, {"d"}, 3)), Names());
  EXPECT_EQ(NamesOf(OutdatedRevisions(all, {"d"}, -1)), Names()) << "as the API says of it";
}

TEST(RevisionHistoryTest, AfterTheLastRevisionComesTheSameAgain) {
  auto last = std::make_shared<apps_v1::ControllerRevision>();
  last->revision = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(NextRevision(Of({"a"})), 2);
  EXPECT_EQ(NextRevision({last}), last->revision);
}

// Kubernetes up to v1.33 wrote down that a template was never created.
TEST(RevisionHistoryTest, TheNewestMayMeanATemplateThatItSaysInOtherWords) {
  core_v1::PodTemplateSpec pod_template;
  pod_template.metadata.labels["app"] = "a";
  pod_template.spec.containers.emplace_back().name = "main";
  Json data = TemplatePatch(pod_template);
  data["spec"]["template"]["metadata"]["creationTimestamp"] = nullptr;
  auto revision = std::make_shared<apps_v1::ControllerRevision>();
  revision->metadata.name = "a";
  revision->data = data;
  revision->revision = 1;
  EXPECT_EQ(FindRevision({revision}, TemplatePatch(pod_template)), nullptr);
  EXPECT_EQ(FindRevisionByMeaning({revision}, pod_template), revision);
  auto newer = std::make_shared<apps_v1::ControllerRevision>(*revision);
  data["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2";
  newer->data = data;
  newer->revision = 2;
  EXPECT_EQ(FindRevisionByMeaning({newer, revision}, pod_template), nullptr);
  EXPECT_EQ(FindRevisionByMeaning({}, pod_template), nullptr);
}

// As kube-controller-manager v1.35.6 counts.
TEST(RevisionHistoryTest, OfADaemonSetThoseInUseAreWithinIt) {
  const Revisions all = Of({"a", "b", "c", "d"});
  EXPECT_EQ(NamesOf(OutdatedRevisions(all, "d", {"c"}, 1)), (Names{"a", "b"}));
  EXPECT_EQ(NamesOf(OutdatedRevisions(all, "d", {"c", "d"}, 2)), (Names{"a"}));
  EXPECT_EQ(NamesOf(OutdatedRevisions(all, "d", {"a", "b", "c"}, 1)), Names());
  EXPECT_EQ(NamesOf(OutdatedRevisions(all, "d", {}, 1)), (Names{"a", "b"}));
  // It may not be shown yet.
  EXPECT_EQ(NamesOf(OutdatedRevisions(all, "e", {"d"}, 1)), (Names{"a", "b", "c"}));
}

}  // namespace
}  // namespace skiff
