// Lists that a user may make as long as a request lets him are gone through in about the time that
// they take to read: none of them is looked up in another item by item.
#include <gtest/gtest.h>

#include "api/gen/certificates_v1.h"
#include "api/gen/core_v1.h"
#include "api/kinds/behaviour.h"
#include "api/rules/pods/pod_prepare.h"
#include "api/rules/pods/pod_subresources.h"
#include "api/rules/pods/pod_validation.h"
#include "api/rules/rules.h"
#include "api/violations.h"
#include "base/thread_seconds.h"

namespace skiff {
namespace {

using core_v1::Pod;

constexpr size_t kItems = 50'000;
// Of this thread's own time: some fifty times what it takes, and a small part of what comparing
// each with each does.
constexpr double kSecondsMax = 2.0;

// Alike for long, as the names of one list are: only the end tells them apart.
std::string NameOf(size_t i) {
  return "a-rather-long-name-" + std::to_string(1'000'000 + i);
}

TEST(LargeLists, AddedTolerationsAreFoundAtOnce) {
  Pod old;
  for (size_t i = 0; i < kItems; ++i) {
    auto& toleration = old.spec.tolerations.emplace_back();
    toleration.key = NameOf(i);
    toleration.operator_ = "Exists";
    toleration.effect = "NoExecute";
  }
  Pod pod = old;
  for (auto& toleration : pod.spec.tolerations) toleration.toleration_seconds = 5;
  Violations out;
  EXPECT_LT(SecondsOf([&] { ValidatePodUpdate(pod, old, out); }), kSecondsMax);
  for (const Cause& cause : out.causes()) EXPECT_NE(cause.field, "spec.tolerations");
}

TEST(LargeLists, GatesAreFoundAtOnce) {
  Pod old;
  for (size_t i = 0; i < kItems; ++i) old.spec.scheduling_gates.emplace_back().name = NameOf(i);
  Violations out;
  EXPECT_LT(SecondsOf([&] { ValidatePodUpdate(old, old, out); }), kSecondsMax);
  for (const Cause& cause : out.causes()) EXPECT_FALSE(cause.field.starts_with("spec.sched"));
}

TEST(LargeLists, StatusesOfContainersAreFoundAtOnce) {
  Pod old;
  old.spec.restart_policy = "Never";
  for (size_t i = 0; i < kItems; ++i) {
    old.spec.containers.emplace_back().name = NameOf(i);
    auto& status = old.status.container_statuses.emplace_back();
    status.name = NameOf(i);
    status.state.terminated.emplace().exit_code = 1;
    old.spec.resource_claims.emplace_back().name = NameOf(i);
    old.status.resource_claim_statuses.emplace_back().name = NameOf(i);
  }
  Violations out;
  EXPECT_LT(SecondsOf([&] { ValidatePodStatusUpdate(old, old, out); }), kSecondsMax);
  EXPECT_TRUE(out.causes().empty());
  Pod pod = old;
  pod.status.container_statuses.back().state.terminated.reset();
  pod.status.resource_claim_statuses.back().name = "other";
  ValidatePodStatusUpdate(pod, old, out);
  ASSERT_EQ(out.causes().size(), 2U);
  EXPECT_EQ(out.causes()[0].field, "status.containerStatuses[49999].state");
  EXPECT_EQ(out.causes()[1].field, "status.resourceClaimStatuses[49999].name");
}

TEST(LargeLists, EphemeralContainersAreFoundAtOnce) {
  Pod old;
  for (size_t i = 0; i < kItems; ++i) {
    old.spec.ephemeral_containers.emplace_back().name = NameOf(i);
  }
  Violations out;
  // Each is looked at by itself as well, for which there is as much time again.
  EXPECT_LT(SecondsOf([&] { ValidatePodEphemeralContainers(old, old, out); }), 2 * kSecondsMax);
}

TEST(LargeLists, ConditionsAreFoundAtOnce) {
  Pod old;
  for (size_t i = 0; i < kItems; ++i) {
    auto& condition = old.status.conditions.emplace_back();
    condition.type = NameOf(i);
    condition.observed_generation = 7;
  }
  Pod pod = old;
  for (auto& condition : pod.status.conditions) condition.observed_generation = 0;
  EXPECT_LT(SecondsOf([&] { PreparePodStatusUpdate(pod, old); }), kSecondsMax);
  EXPECT_EQ(pod.status.conditions.back().observed_generation, 7);
}

TEST(LargeLists, ConditionsOfCertificatesAreFoundAtOnce) {
  using certificates_v1::CertificateSigningRequest;
  CertificateSigningRequest old;
  const Time then = TimePoint(std::chrono::hours(1));
  for (size_t i = 0; i < kItems; ++i) {
    auto& condition = old.status.conditions.emplace_back();
    condition.type = NameOf(i);
    condition.last_transition_time = then;
  }
  CertificateSigningRequest next = old;
  for (auto& condition : next.status.conditions) condition.last_transition_time = {};
  const Rules* rules = CertificateSigningRequest::Info().behaviour->rules;
  EXPECT_LT(SecondsOf([&] { rules->stamp(&next, &old, TimePoint(std::chrono::hours(2))); }),
            kSecondsMax);
  EXPECT_EQ(next.status.conditions.back().last_transition_time, then);
}

}  // namespace
}  // namespace skiff
