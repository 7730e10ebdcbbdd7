#include "controllers/workloads/job_policy.h"

#include <gtest/gtest.h>

namespace skiff::job {
namespace {

using batch_v1::Job;
using core_v1::Pod;

batch_v1::PodFailurePolicyRule OnCodes(const std::string& action, const std::string& operator_,
                                       std::vector<int32_t> values) {
  batch_v1::PodFailurePolicyRule rule;
  rule.action = action;
  rule.on_exit_codes.Ensure().operator_ = operator_;
  rule.on_exit_codes->values = std::move(values);
  return rule;
}

batch_v1::PodFailurePolicyRule OnCondition(const std::string& action, const std::string& type) {
  batch_v1::PodFailurePolicyRule rule;
  rule.action = action;
  auto& pattern = rule.on_pod_conditions.emplace_back();
  pattern.type = type;
  pattern.status = "True";
  return rule;
}

Job JobWith(std::vector<batch_v1::PodFailurePolicyRule> rules) {
  Job job;
  job.spec.pod_failure_policy.Ensure().rules = std::move(rules);
  return job;
}

void End(std::vector<core_v1::ContainerStatus>& containers, const std::string& name, int code) {
  auto& status = containers.emplace_back();
  status.name = name;
  status.state.terminated.Ensure().exit_code = code;
}

Pod PodThatEndedWith(int code) {
  Pod pod;
  pod.metadata.namespace_ = "ns";
  pod.metadata.name = "p";
  pod.status.phase = "Failed";
  End(pod.status.container_statuses, "main", code);
  return pod;
}

TEST(JobPolicyTest, TheFirstRuleThatMatchesDecides) {
  const Job job = JobWith({OnCodes("Ignore", "In", {3, 4}), OnCodes("FailJob", "NotIn", {5}),
                           OnCodes("Count", "In", {5})});
  EXPECT_FALSE(MatchFailurePolicy(job, PodThatEndedWith(4)).IsCounted());
  const auto fatal = MatchFailurePolicy(job, PodThatEndedWith(42));
  EXPECT_EQ(fatal.action, "FailJob");
  EXPECT_EQ(fatal.message,
            "Container main for pod ns/p failed with exit code 42 matching FailJob rule at index "
            "1");
  EXPECT_EQ(MatchFailurePolicy(job, PodThatEndedWith(5)).action, "Count");
  EXPECT_TRUE(MatchFailurePolicy(job, PodThatEndedWith(5)).IsCounted());
}

TEST(JobPolicyTest, AnExitWithoutErrorOrWithoutEndMatchesNothing) {
  const Job job = JobWith({OnCodes("FailJob", "NotIn", {7})});
  EXPECT_EQ(MatchFailurePolicy(job, PodThatEndedWith(0)).action, "");
  Pod running;
  running.status.container_statuses.emplace_back().name = "main";
  EXPECT_EQ(MatchFailurePolicy(job, running).action, "");
  EXPECT_TRUE(MatchFailurePolicy(job, running).IsCounted());
  EXPECT_TRUE(MatchFailurePolicy(Job(), PodThatEndedWith(7)).IsCounted()) << "there is no policy";
}

TEST(JobPolicyTest, ARuleMayBeAboutOneContainer) {
  auto rule = OnCodes("FailIndex", "In", {3});
  rule.on_exit_codes->container_name = "setup";
  const Job job = JobWith({rule});
  Pod pod = PodThatEndedWith(3);
  EXPECT_EQ(MatchFailurePolicy(job, pod).action, "");
  End(pod.status.init_container_statuses, "setup", 3);
  EXPECT_EQ(MatchFailurePolicy(job, pod).action, "FailIndex");
}

TEST(JobPolicyTest, ConditionsMatchByTypeAndStatus) {
  const Job job = JobWith({OnCondition("FailJob", "DisruptionTarget")});
  Pod pod = PodThatEndedWith(1);
  auto& condition = pod.status.conditions.emplace_back();
  condition.type = "DisruptionTarget";
  condition.status = "False";
  EXPECT_EQ(MatchFailurePolicy(job, pod).action, "");
  pod.status.conditions[0].status = "True";
  EXPECT_EQ(MatchFailurePolicy(job, pod).message,
            "Pod ns/p has condition DisruptionTarget matching FailJob rule at index 0");
}

Job JobOfRules(std::vector<std::pair<std::optional<std::string>, std::optional<int>>> rules) {
  Job job;
  job.spec.completions = 10;
  for (const auto& [indexes, count] : rules) {
    auto& rule = job.spec.success_policy.Ensure().rules.emplace_back();
    rule.succeeded_indexes = indexes;
    rule.succeeded_count = count;
  }
  return job;
}

TEST(JobPolicyTest, SuccessIsWhatTheFirstFulfilledRuleSays) {
  const Job job = JobOfRules({{"0-2", std::nullopt}, {"4,6,8", 2}, {std::nullopt, 5}});
  EXPECT_EQ(MetSuccessRule(job, Indexes::Parse("0-1")), std::nullopt);
  EXPECT_EQ(MetSuccessRule(job, Indexes::Parse("0-2")), 0u) << "all of them";
  EXPECT_EQ(MetSuccessRule(job, Indexes::Parse("0,6,8")), 1u) << "two of them";
  EXPECT_EQ(MetSuccessRule(job, Indexes::Parse("1,3,5,7,9")), 2u) << "five of any";
}

TEST(JobPolicyTest, NothingIsNoSuccess) {
  EXPECT_EQ(MetSuccessRule(JobOfRules({{std::nullopt, 0}}), Indexes()), std::nullopt);
  EXPECT_EQ(MetSuccessRule(JobOfRules({{"", 0}}), Indexes::Parse("1")), std::nullopt);
  EXPECT_EQ(MetSuccessRule(Job(), Indexes::Parse("1")), std::nullopt) << "there is no policy";
}

}  // namespace
}  // namespace skiff::job
