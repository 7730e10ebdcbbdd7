#include "api/pods/pod_resources.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

namespace skiff {
namespace {

using AskedAmounts = std::map<std::string, Quantity>;

void AskInInit(core_v1::PodSpec& spec, const AskedAmounts& requests, bool stays) {
  auto& init = spec.init_containers.emplace_back();
  init.resources.requests = requests;
  if (stays) init.restart_policy = "Always";
}

TEST(PodRequestsTest, AnInitContainerRunsBesideTheSidecarsBeforeIt) {
  const auto amount = [](int64_t value) { return Quantity::FromValue(value); };
  core_v1::PodSpec spec;
  spec.containers.emplace_back().resources.requests["cpu"] = amount(1);
  AskInInit(spec, {{"cpu", amount(2)}, {"a.b/c", amount(5)}}, false);
  AskInInit(spec, {{"cpu", amount(1)}, {"d.e/f", amount(2)}}, true);
  AskInInit(spec, {{"cpu", amount(3)}}, false);
  AskInInit(spec, {{"a.b/c", amount(1)}}, true);
  const Resources asked = PodRequests(spec);
  EXPECT_EQ(asked.milli_cpu, 4000);
  EXPECT_EQ(asked.scalar, (std::map<std::string, int64_t>{{"a.b/c", 5}, {"d.e/f", 2}}));
}

TEST(PodLimitsTest, OverheadIsAddedToWhatIsLimited) {
  const auto amount = [](int64_t value) { return Quantity::FromValue(value); };
  core_v1::PodSpec spec;
  spec.containers.emplace_back().resources.limits["cpu"] = amount(1);
  spec.containers.emplace_back().resources.limits["cpu"] = amount(2);
  spec.containers.emplace_back();
  auto& init = spec.init_containers.emplace_back();
  init.resources.limits["cpu"] = amount(5);
  spec.overhead = {{"cpu", amount(1)}, {"memory", amount(1)}};
  EXPECT_EQ(PodLimits(spec).milli_cpu, 6000);
  EXPECT_EQ(PodLimits(spec).memory, 0);
  spec.resources.Ensure().limits = {{"memory", amount(7)}, {"cpu", amount(4)}};
  EXPECT_EQ(PodLimits(spec).milli_cpu, 5000);
  EXPECT_EQ(PodLimits(spec).memory, 8);
}

TEST(PodRequestsTest, IsBoundedInTime) {
  core_v1::PodSpec spec;
  AskedAmounts many;
  for (int i = 0; i < 30'000; ++i) many["a.b/c" + std::to_string(i)] = Quantity::FromValue(1);
  AskInInit(spec, many, true);
  for (int i = 0; i < 20'000; ++i) AskInInit(spec, {}, i % 2 == 0);
  const std::clock_t begin = std::clock();
  EXPECT_EQ(PodRequests(spec).scalar.size(), many.size());
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 6) << "seconds of processor time";
}

}  // namespace
}  // namespace skiff
