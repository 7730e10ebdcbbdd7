#include "controllers/workloads/job_backoff.h"

#include <gtest/gtest.h>

#include "controllers/workloads/job_fixture.h"

namespace skiff::job {
namespace {

using core_v1::Pod;

void EndContainer(Pod& pod, const std::string& name, TimePoint at, bool sidecar = false) {
  if (sidecar) {
    auto& container = pod.spec.init_containers.emplace_back();
    container.name = name;
    container.restart_policy = "Always";
  }
  auto& list = sidecar ? pod.status.init_container_statuses : pod.status.container_statuses;
  auto& status = list.emplace_back();
  status.name = name;
  status.state.terminated.Ensure().finished_at = Time(at);
}

TEST(JobBackOffTest, APodEndsWithItsLastContainer) {
  auto pod = PodOf("a", "Failed");
  EndContainer(*pod, "main", kNow - 30s);
  EndContainer(*pod, "more", kNow - 20s);
  EXPECT_EQ(FinishTime(*pod), Time(kNow - 20s));
  EndContainer(*pod, "sidecar", kNow - 10s, true);
  EXPECT_EQ(FinishTime(*pod), Time(kNow - 10s));
}

TEST(JobBackOffTest, APodWhoseContainersDoNotSayEndsByOtherSigns) {
  auto pod = PodOf("a", "Failed", -1, 1h);
  EXPECT_EQ(FinishTime(*pod), Time(kNow - 1h)) << "its creation";
  Deleted(pod);
  pod->metadata.deletion_grace_period_seconds = 30;
  EXPECT_EQ(FinishTime(*pod), Time(kNow - 30s)) << "the request for its deletion";
  auto& ready = pod->status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "False";
  ready.last_transition_time = Time(kNow - 40s);
  EXPECT_EQ(FinishTime(*pod), Time(kNow - 40s));
  EndContainer(*pod, "main", kNow - 50s);
  pod->status.container_statuses.emplace_back().name = "never started";
  EXPECT_EQ(FinishTime(*pod), Time(kNow - 40s)) << "not all of them say when";
}

TEST(JobBackOffTest, DelaysDoubleUpToTenMinutes) {
  const auto delay = [](int failures) { return BackOff{failures, kNow}.Left(kNow); };
  EXPECT_EQ(delay(0), Duration(0));
  EXPECT_EQ(delay(1), Duration(10s));
  EXPECT_EQ(delay(3), Duration(40s));
  EXPECT_EQ(delay(7), Duration(10min));
  EXPECT_EQ(delay(1000), Duration(10min));
  EXPECT_EQ((BackOff{1, kNow}.Left(kNow + 11s)), Duration(0));
}

TEST(JobBackOffTest, FailuresAddUpUntilASuccess) {
  const auto job = JobOf(1, 5);
  const BackOff known{2, kNow - 1h};
  const auto failed = Observe(job, {PodOf("a", "Failed", -1, 5s)}, {});
  EXPECT_EQ(BackOffAfter(known, failed).failures, 3);
  EXPECT_EQ(BackOffAfter(known, failed).last_failure, kNow - 5s);
  EXPECT_EQ(BackOffAfter(known, {}).failures, 2);
  const Pods pods = {PodOf("a", "Failed", -1, 5s), PodOf("b", "Failed", -1, 9s),
                     PodOf("c", "Succeeded", -1, 7s)};
  const auto both = Observe(job, pods, {});
  EXPECT_EQ(BackOffAfter(known, both).failures, 1) << "the one after the success";
}

TEST(JobBackOffTest, WhoeverHasJustStartedGoesByThePodsThatAreThere) {
  const auto job = JobOf(1, 5);
  auto counted = PodOf("a", "Failed", -1, 5s);
  counted->metadata.finalizers.clear();
  const auto observation = Observe(job, {counted, PodOf("b", "Failed", -1, 9s)}, {});
  EXPECT_EQ(BackOffAfter(std::nullopt, observation).failures, 2);
  EXPECT_EQ(BackOffAfter(BackOff(), observation).failures, 1) << "a is known";
}

}  // namespace
}  // namespace skiff::job
