#include "controllers/network/trigger_times.h"

#include <gtest/gtest.h>

#include "base/seconds.h"

namespace skiff {
namespace {

using core_v1::Pod;
using core_v1::Service;

Time At(int seconds) {
  return Time(TimePoint(Seconds(1'000'000 + seconds)));
}

Ptr<Pod> PodOf(const std::string& name, int ready_since) {
  auto pod = std::make_shared<Pod>();
  pod->metadata.name = name;
  auto& condition = pod->status.conditions.emplace_back();
  condition.type = "Ready";
  condition.last_transition_time = At(ready_since);
  return pod;
}

class TriggerTimesTest : public testing::Test {
 protected:
  TriggerTimesTest() {
    service_.metadata.name = "web";
    service_.metadata.namespace_ = "default";
    service_.metadata.creation_timestamp = At(100);
  }

  // What is written then.
  std::optional<Time> Write(const std::vector<Ptr<Pod>>& pods) {
    const auto cause = times_.SinceLast(service_, pods);
    times_.Written(KeyOf(service_));
    return cause;
  }

  Service service_;
  TriggerTimes times_;
};

TEST_F(TriggerTimesTest, TheFirstTimeIsTheServicesCreation) {
  EXPECT_EQ(Write({PodOf("a", 50)}), At(100));
  EXPECT_EQ(Write({PodOf("a", 50)}), std::nullopt);
}

TEST_F(TriggerTimesTest, ThenItIsTheOldestOfWhatIsNew) {
  (void)Write({PodOf("b", 50), PodOf("d", 50)});
  EXPECT_EQ(Write({PodOf("a", 130), PodOf("b", 120), PodOf("c", 110), PodOf("d", 50)}), At(110));
  EXPECT_EQ(Write({PodOf("a", 130), PodOf("b", 140), PodOf("d", 50)}), At(140));
  // A pod that goes is no time, and one of its name is new.
  EXPECT_EQ(Write({PodOf("b", 140)}), std::nullopt);
  EXPECT_EQ(Write({PodOf("b", 140), PodOf("d", 50)}), At(50));
  // Nor is one that says an earlier time than before.
  EXPECT_EQ(Write({PodOf("b", 90), PodOf("d", 50)}), std::nullopt);
}

TEST_F(TriggerTimesTest, WhatHasNotBeenWrittenStaysNew) {
  EXPECT_EQ(times_.SinceLast(service_, {}), At(100));
  EXPECT_EQ(times_.SinceLast(service_, {PodOf("a", 130)}), At(100));
  times_.Written({"default", "web"});
  EXPECT_EQ(times_.SinceLast(service_, {PodOf("a", 140)}), At(140));
  EXPECT_EQ(times_.SinceLast(service_, {PodOf("a", 140), PodOf("b", 150)}), At(140));
  times_.Written({"default", "web"});
  EXPECT_EQ(times_.SinceLast(service_, {PodOf("a", 140), PodOf("b", 150)}), std::nullopt);
}

TEST_F(TriggerTimesTest, APodThatNeverSaidWhetherItIsReadyIsNone) {
  (void)Write({});
  const auto silent = std::make_shared<Pod>();
  EXPECT_EQ(Write({silent}), std::nullopt);
}

TEST_F(TriggerTimesTest, AServiceThatIsMadeAgainIsNew) {
  (void)Write({});
  service_.metadata.creation_timestamp = At(200);
  EXPECT_EQ(Write({}), At(200));
  times_.Forget({"default", "web"});
  EXPECT_EQ(Write({PodOf("a", 50)}), At(200));
}

TEST_F(TriggerTimesTest, WhatIsWrittenSaysItsOwnCauseOrNone) {
  meta_v1::ObjectMeta metadata;
  SetTriggerTime(metadata, At(0));
  EXPECT_EQ(metadata.annotations.at(std::string(kTriggerTime)), "1970-01-12T13:46:40Z");
  SetTriggerTime(metadata, std::nullopt);
  EXPECT_TRUE(metadata.annotations.empty());
}

}  // namespace
}  // namespace skiff
