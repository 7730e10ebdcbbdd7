#include "controllers/scheduler/queue.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

std::string PopName(SchedulingQueue& queue, Duration now) {
  const auto pod = queue.Pop(now);
  return pod ? pod->info->pod->metadata.name : "";
}

TEST(SchedulingQueueTest, TheMostImportantThenTheLongestWaitingPodGoesFirst) {
  SchedulingQueue queue;
  queue.Add(PodOf("late", 1, "1"), 3s);
  queue.Add(PodOf("early", 1, "1"), 2s);
  queue.Add(PodOf("high", 9, "1"), 4s);
  EXPECT_EQ(PopName(queue, 5s), "high");
  EXPECT_EQ(PopName(queue, 5s), "early");
  EXPECT_EQ(PopName(queue, 5s), "late");
  EXPECT_EQ(PopName(queue, 5s), "");
}

TEST(SchedulingQueueTest, ARejectedPodWaitsForAnEventThatMayHelp) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 0s);
  queue.Unschedulable(*queue.Pop(0s), {"NodeResourcesFit"}, 0s);
  EXPECT_EQ(PopName(queue, 60s), "");
  queue.Happened(ClusterEvent::kService, 60s);
  EXPECT_EQ(PopName(queue, 60s), "");
  queue.Happened(ClusterEvent::kPodDeleted, 60s);
  EXPECT_EQ(PopName(queue, 60s), "p");
}

TEST(SchedulingQueueTest, WhatHelpsOneIsHeardOfWhoeverElseCameAndWent) {
  SchedulingQueue queue;
  for (const char* name : {"a", "b", "c"}) {
    queue.Add(PodOf(name, 1, "1"), 0s);
    queue.Unschedulable(*queue.Pop(0s), {"NodeResourcesFit"}, 0s);
  }
  queue.Remove("default/a");
  queue.Add(PodOf("b", 1, "2"), 60s);
  EXPECT_EQ(PopName(queue, 60s), "b") << "it asks for something else now";
  queue.Happened(ClusterEvent::kPodAdded, 60s);
  EXPECT_EQ(PopName(queue, 60s), "");
  queue.Happened(ClusterEvent::kPodDeleted, 60s);
  EXPECT_EQ(PopName(queue, 60s), "c");
  queue.Happened(ClusterEvent::kPodDeleted, 61s);
  EXPECT_EQ(PopName(queue, 61s), "");
}

TEST(SchedulingQueueTest, ItIsToldWhichPodsWaitAsRulesRefusedThem) {
  int waiting = 0;
  SchedulingQueue queue;
  queue.TellRefusals([&](const QueuedPod& pod, bool waits) {
    EXPECT_TRUE(pod.rejectors.contains("NodeResourcesFit"));
    waiting += waits ? 1 : -1;
  });
  for (const char* name : {"active", "early", "still"}) {
    queue.Add(PodOf(name, 1, "1"), 0s);
    EXPECT_EQ(waiting, 0);
  }
  for (int i = 0; i < 3; ++i) queue.Unschedulable(*queue.Pop(0s), {"NodeResourcesFit"}, 0s);
  EXPECT_EQ(waiting, 3);
  queue.Happened(ClusterEvent::kPodDeleted, 60s);
  queue.Add(PodOf("active", 1, "2"), 60s);
  EXPECT_EQ(waiting, 3) << "they wait, wherever that is";
  queue.Failed(*queue.Pop(60s), 60s);
  EXPECT_EQ(waiting, 2) << "no rule has refused it this time";
  queue.Remove("default/early");
  queue.Remove("default/still");
  queue.Remove("default/active");
  EXPECT_EQ(waiting, 0);
}

TEST(SchedulingQueueTest, ItIsToldWhereAPodComesAndWhy) {
  std::vector<std::string> told;
  SchedulingQueue queue;
  queue.TellIncoming([&](std::string_view to, std::string_view event) {
    told.push_back(std::string(to) + " " + std::string(event));
  });
  queue.Add(PodOf("p", 1, "1"), 0s);
  queue.Unschedulable(*queue.Pop(0s), {"NodeResourcesFit"}, 0s);
  queue.Happened(ClusterEvent::kPodDeleted, 500ms);
  queue.Failed(*queue.Pop(500ms), 1s);
  queue.Unschedulable(*queue.Pop(2s), {"NodeResourcesFit"}, 2s);
  EXPECT_TRUE(queue.Pop(2s + 5min));
  EXPECT_EQ(told, (std::vector<std::string>{
                      "active UnschedulablePodAdd", "unschedulable ScheduleAttemptFailure",
                      "backoff AssignedPodDelete", "active PopFromBackoffQ",
                      "backoff ScheduleAttemptFailure", "active BackoffComplete",
                      "unschedulable ScheduleAttemptFailure", "active UnschedulableTimeout"}));
}

TEST(SchedulingQueueTest, WhoWaitsToBeTriedWaitsAlready) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 1s);
  auto pod = queue.Pop(3s);
  EXPECT_EQ(pod->first_active_at, Duration(1s));
  queue.Unschedulable(*std::move(pod), {"NodeResourcesFit"}, 3s);
  queue.Happened(ClusterEvent::kPodDeleted, 60s);
  EXPECT_EQ(queue.Pop(61s)->first_active_at, Duration(1s)) << "whatever came of it";
}

TEST(SchedulingQueueTest, WhoIsHeldDoesNotWaitToBeTried) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 1s);
  queue.Hold(*queue.Pop(3s), "DynamicResources", 3s);
  EXPECT_EQ(queue.sizes().held, 1u);
  EXPECT_EQ(queue.sizes().unschedulable, 0u);
  queue.Happened(ClusterEvent::kDeviceClaim, 60s);
  EXPECT_EQ(queue.sizes().held, 0u);
  EXPECT_EQ(queue.Pop(61s)->first_active_at, Duration(60s));
}

TEST(SchedulingQueueTest, ItIsToldWhatSomeHintsSay) {
  const Snapshot view;
  const FakeClock clock;
  std::vector<std::string> told;
  SchedulingQueue queue([&](const core_v1::Pod&) { return &view; });
  queue.TellHints(clock, [&](std::string_view rule, std::string_view event, bool helps, Duration) {
    told.push_back(std::string(rule) + " " + std::string(event) + (helps ? " helps" : ""));
  });
  queue.Add(PodOf("p", 1, "1"), 0s);
  queue.Unschedulable(*queue.Pop(0s), {"NodeResourcesFit"}, 0s);
  const Change nothing;
  for (size_t i = 0; i < SchedulingQueue::kHintsPerTold; ++i) {
    queue.Happened(ClusterEvent::kNodeAllocatable, 60s, &nothing);
  }
  queue.Happened(ClusterEvent::kPodDeleted, 60s, &nothing);
  EXPECT_EQ(told, (std::vector<std::string>{"NodeResourcesFit NodeUpdateNodeAllocatable",
                                            "NodeResourcesFit AssignedPodDelete helps"}));
  EXPECT_EQ(PopName(queue, 60s), "p");
}

TEST(SchedulingQueueTest, ItIsToldHowLongEachEventTook) {
  const Snapshot view;
  FakeClock clock;
  std::vector<std::string> told;
  SchedulingQueue queue([&](const core_v1::Pod&) {
    clock.Advance(2s);  // As if hints took so long.
    return &view;
  });
  queue.TellHandled(clock, [&](std::string_view event, Duration took) {
    told.push_back(std::string(event) + " " + std::to_string(took / 1s));
  });
  queue.Happened(ClusterEvent::kService, 0s);
  queue.Add(PodOf("p", 1, "1"), 0s);
  queue.Unschedulable(*queue.Pop(0s), {"NodeResourcesFit"}, 0s);
  const Change nothing;
  queue.Happened(ClusterEvent::kPodDeleted, 60s, &nothing);
  EXPECT_EQ(told, (std::vector<std::string>{"ServiceUpdate 0", "AssignedPodDelete 2"}));
}

TEST(SchedulingQueueTest, HowLongPodsWaitIsWhatTheConfigurationSays) {
  SchedulingQueue queue(nullptr, {.first = 3s, .most = 7s, .unschedulable = 30s});
  queue.Add(PodOf("p", 1, "1"), 0s);
  queue.Failed(*queue.Pop(0s), 0s);
  EXPECT_EQ(queue.NextDue(0s), 3s);
  queue.Failed(*queue.Pop(3s), 3s);
  EXPECT_EQ(queue.NextDue(3s), 6s);
  queue.Failed(*queue.Pop(9s), 9s);
  EXPECT_EQ(queue.NextDue(9s), 7s);
  queue.Unschedulable(*queue.Pop(16s), {"NodeResourcesFit"}, 16s);
  EXPECT_EQ(queue.NextDue(16s), 30s);
  EXPECT_EQ(PopName(queue, 46s), "p");
}

TEST(SchedulingQueueTest, WhoWaitedInVainBacksOffAsOthersDo) {
  SchedulingQueue queue(nullptr, {.first = 60s, .most = 60s, .unschedulable = 30s});
  queue.Add(PodOf("p", 1, "1"), 0s);
  auto pod = queue.Pop(0s);
  pod->attempts = 2;
  queue.Unschedulable(*std::move(pod), {"NodeResourcesFit"}, 0s);
  queue.Add(PodOf("other", 1, "1"), 30s);
  EXPECT_EQ(PopName(queue, 30s), "other") << "who is not backing off goes first";
  EXPECT_EQ(PopName(queue, 30s), "p");
}

TEST(SchedulingQueueTest, AnEventDuringTheAttemptIsNotLost) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 0s);
  auto pod = queue.Pop(0s);
  queue.Happened(ClusterEvent::kPodDeleted, 0s);
  queue.Unschedulable(std::move(*pod), {"NodeResourcesFit"}, 0s);
  EXPECT_EQ(queue.NextDue(0s), 0s) << "nobody else is waiting";
  EXPECT_EQ(PopName(queue, 0s), "p");
}

TEST(SchedulingQueueTest, WhoBacksOffIsTriedWhenNobodyElseWaits) {
  SchedulingQueue queue;
  const auto reject = [&](const std::string& name, int priority, Duration at) {
    queue.Add(PodOf(name, priority, "1"), at);
    auto pod = queue.Pop(at);
    EXPECT_EQ(pod->info->pod->metadata.name, name);
    queue.Happened(ClusterEvent::kPodDeleted, at);
    queue.Unschedulable(*std::move(pod), {"NodeResourcesFit"}, at);
  };
  reject("low", 1, 0s);
  reject("high", 9, 100ms);
  reject("later", 9, 1s - 1ms);
  queue.Add(PodOf("active", 0, "1"), 999ms);
  EXPECT_EQ(PopName(queue, 999ms), "active");
  EXPECT_EQ(PopName(queue, 999ms), "high") << "of one second the most important first";
  EXPECT_EQ(PopName(queue, 999ms), "later") << "by when it came";
  EXPECT_EQ(PopName(queue, 999ms), "low");
  EXPECT_EQ(PopName(queue, 999ms), "");
}

TEST(SchedulingQueueTest, AnErrorIsWaitedOutAndOtherwiseCountedThanRejections) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 0s);
  for (int i = 0; i < 3; ++i) {
    auto pod = queue.Pop(0s);
    queue.Happened(ClusterEvent::kPodDeleted, 0s);
    queue.Unschedulable(*std::move(pod), {"NodeResourcesFit"}, 0s);
  }
  queue.Failed(*queue.Pop(0s), 0s);
  EXPECT_EQ(PopName(queue, 0s), "");
  EXPECT_EQ(queue.NextDue(0s), 1s) << "the first error";
  auto pod = queue.Pop(1s);
  queue.Unschedulable(*std::move(pod), {"NodeResourcesFit"}, 1s);
  queue.Happened(ClusterEvent::kPodDeleted, 2s);
  EXPECT_EQ(PopName(queue, 2s), "p") << "it backs off, for the fourth rejection";
}

// Of a pod whose decision takes its time it is known to what something happened meanwhile.
TEST(SchedulingQueueTest, WhatHappensMeanwhileIsJudgedByItsObject) {
  const auto with_port = [](const std::string& name, int port) {
    return PodOf(name, 1, "1", [&](core_v1::Pod& pod) {
      pod.spec.containers[0].ports.emplace_back().host_port = port;
    });
  };
  const Snapshot view;
  const auto next_due_after = [&](const PodInfoPtr& gone, int times) {
    SchedulingQueue queue([&](const core_v1::Pod&) { return &view; });
    queue.Add(with_port("p", 80), 0s);
    auto pod = queue.Pop(0s);
    queue.Happened(ClusterEvent::kPodDeleted, 0s);  // The decision will see it.
    EXPECT_FALSE(queue.AnyListens());
    queue.KeepFor("default/p");
    EXPECT_TRUE(queue.AnyListens());
    const Change change = {.pod = {gone, nullptr}};
    for (int i = 0; i < times; ++i) queue.Happened(ClusterEvent::kPodDeleted, 0s, &change);
    queue.Unschedulable(std::move(*pod), {"NodePorts"}, 0s);
    return queue.NextDue(0s);
  };
  EXPECT_EQ(next_due_after(with_port("other", 8080), 1), 5min);
  EXPECT_EQ(next_due_after(with_port("other", 80), 1), 0s);
  EXPECT_EQ(next_due_after(nullptr, 0), 5min);
  // Past all bounds their sorts decide.
  EXPECT_EQ(next_due_after(with_port("other", 8080), 5000), 0s);
}

TEST(SchedulingQueueTest, NothingIsKeptForAPodThatIsOver) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 0s);
  ASSERT_TRUE(queue.Pop(0s));
  queue.KeepFor("default/p");
  queue.Done("default/p");
  EXPECT_FALSE(queue.AnyListens());
}

TEST(SchedulingQueueTest, TheBackOffDoublesUpToTenSeconds) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 0s);
  Duration now = 0s;
  for (const Duration delay : {1s, 2s, 4s, 8s, 10s, 10s}) {
    queue.Failed(*queue.Pop(now), now);
    EXPECT_EQ(queue.NextDue(now), delay);
    now += delay;
  }
}

PodInfoPtr WithClaims(const std::string& status) {
  return PodOf("p", 1, "1", [&](core_v1::Pod& pod) {
    if (status.empty()) return;
    auto& named = pod.status.resource_claim_statuses.emplace_back();
    named.name = "gpu";
    named.resource_claim_name = status;
  });
}

TEST(SchedulingQueueTest, AHeldPodIsTriedAtOnceWhenItsClaimIsNamed) {
  SchedulingQueue queue;
  queue.Add(WithClaims(""), 0s);
  queue.Hold(*queue.Pop(0s), "DynamicResources", 0s);
  queue.Happened(ClusterEvent::kPodDeleted, 1s);
  queue.Add(WithClaims(""), 1s);
  EXPECT_EQ(PopName(queue, 1s), "");
  queue.Add(WithClaims("p-gpu-1"), 1s);
  EXPECT_EQ(PopName(queue, 1s), "p") << "it was never tried, so that no back-off is due";
}

TEST(SchedulingQueueTest, AClaimThatIsNamedHelpsThoseWhoWaitForDevices) {
  SchedulingQueue queue;
  queue.Add(WithClaims(""), 0s);
  queue.Unschedulable(*queue.Pop(0s), {"NodeResourcesFit"}, 0s);
  queue.Add(WithClaims("p-gpu-1"), 60s);
  EXPECT_EQ(PopName(queue, 60s), "");
}

TEST(SchedulingQueueTest, AClaimHelpsThoseWhoUseIt) {
  const auto claim = std::make_shared<resource_v1::ResourceClaim>();
  claim->metadata.namespace_ = "default";
  claim->metadata.name = claim->metadata.uid = "shared";
  Snapshot view;
  view.device_claim = [&](const std::string&, const std::string& name) {
    return name == "shared" ? claim : nullptr;
  };
  SchedulingQueue queue([&](const core_v1::Pod&) { return &view; });
  for (const std::string name : {"a", "b", "c"}) {
    queue.Add(PodOf(name, 1, "1",
                    [&](core_v1::Pod& pod) {
                      if (name == "a") return;
                      auto& used = pod.spec.resource_claims.emplace_back();
                      used.name = "gpu";
                      used.resource_claim_name = "shared";
                    }),
              0s);
    queue.Unschedulable(*queue.Pop(0s), {name == "c" ? "NodePorts" : "DynamicResources"}, 0s);
  }
  const Change made = {.device_claim = {nullptr, claim}};
  queue.Happened(ClusterEvent::kDeviceClaim, 60s, &made);
  EXPECT_EQ(PopName(queue, 60s), "b");
  EXPECT_EQ(PopName(queue, 60s), "");
  const Change nothing;
  queue.Happened(ClusterEvent::kDeviceSlice, 60s, &nothing);
  EXPECT_EQ(PopName(queue, 60s), "a");
}

TEST(SchedulingQueueTest, NobodyWaitsLongerThanFiveMinutesUntried) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 0s);
  queue.Unschedulable(*queue.Pop(0s), {"NodeName"}, 0s);
  EXPECT_EQ(PopName(queue, 299s), "");
  EXPECT_EQ(PopName(queue, 5min), "p");
}

TEST(SchedulingQueueTest, APodThatIsGoneDoesNotComeBackFromItsAttempt) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 0s);
  auto pod = queue.Pop(0s);
  queue.Remove("default/p");
  queue.Failed(std::move(*pod), 0s);
  EXPECT_EQ(queue.waiting(), 0u);
}

TEST(SchedulingQueueTest, AnotherPodOfTheSameNameIsNotLostWithTheFirst) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 0s);
  ASSERT_TRUE(queue.Pop(0s));
  queue.Remove("default/p");
  const auto other = PodOf("p", 1, "1", [](core_v1::Pod& pod) { pod.metadata.uid = "other"; });
  queue.Add(other, 1s);
  EXPECT_EQ(PopName(queue, 1s), "") << "the first is not over";
  queue.Done("default/p");
  const auto popped = queue.Pop(1s);
  ASSERT_TRUE(popped);
  EXPECT_EQ(popped->info->uid(), "other");
}

TEST(SchedulingQueueTest, OnlyAChangeOfSpecOrLabelsIsAReasonToTryAgain) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "2"), 0s);
  queue.Unschedulable(*queue.Pop(0s), {"NodeResourcesFit"}, 0s);
  queue.Add(PodOf("p", 1, "2", [](core_v1::Pod& pod) { pod.status.phase = "Pending"; }), 60s);
  EXPECT_EQ(PopName(queue, 60s), "");
  queue.Add(PodOf("p", 1, "1"), 60s);
  EXPECT_EQ(PopName(queue, 60s), "p");
}

TEST(SchedulingQueueTest, AFullNodeIsTriedAgainWhenItMayHoldMoreVolumes) {
  using enum ClusterEvent;
  for (const ClusterEvent event : {kVolumeLimit, kAttachmentDeleted, kPodDeleted, kClaim}) {
    SchedulingQueue queue;
    queue.Add(PodOf("p", 1, "1"), 0s);
    queue.Unschedulable(*queue.Pop(0s), {"NodeVolumeLimits"}, 0s);
    queue.Happened(kNodeLabels, 60s);
    EXPECT_EQ(PopName(queue, 60s), "");
    queue.Happened(event, 60s);
    EXPECT_EQ(PopName(queue, 60s), "p");
  }
}

TEST(SchedulingQueueTest, AClaimWithoutRoomIsTriedAgainWhenThereIsMore) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 0s);
  queue.Unschedulable(*queue.Pop(0s), {"VolumeBinding"}, 0s);
  queue.Happened(ClusterEvent::kVolumeLimit, 60s);
  EXPECT_EQ(PopName(queue, 60s), "");
  queue.Happened(ClusterEvent::kStorageCapacity, 60s);
  EXPECT_EQ(PopName(queue, 60s), "p");
}

TEST(SchedulingQueueTest, WhatHappenedBeforeTheAttemptWasSeenByIt) {
  SchedulingQueue queue;
  queue.Add(PodOf("p", 1, "1"), 0s);
  queue.Happened(ClusterEvent::kPodDeleted, 0s);
  auto pod = queue.Pop(0s);
  queue.Happened(ClusterEvent::kService, 0s);
  queue.Unschedulable(std::move(*pod), {"NodeResourcesFit"}, 0s);
  EXPECT_EQ(queue.NextDue(0s), 5min);
}

TEST(SchedulingQueueTest, WhoeverLeavesIsNotWaitedFor) {
  SchedulingQueue queue;
  for (const char* name : {"back", "off", "no", "room"}) queue.Add(PodOf(name, 1, "1"), 0s);
  const auto pop = [&] { return *queue.Pop(0s); };
  queue.Failed(pop(), 0s);
  queue.Unschedulable(pop(), {"NodeName"}, 0s);
  queue.Unschedulable(pop(), {"NodeResourcesFit"}, 0s);
  queue.Failed(pop(), 0s);
  EXPECT_EQ(queue.NextDue(0s), 1s);
  for (const char* name : {"back", "room"}) queue.Remove("default/" + std::string(name));
  EXPECT_EQ(queue.NextDue(0s), 5min);
  queue.Happened(ClusterEvent::kPodDeleted, 2s);
  EXPECT_EQ(PopName(queue, 2s), "off");
  EXPECT_EQ(queue.NextDue(2s), 5min - 2s);
  EXPECT_EQ(PopName(queue, 5min), "no");
  EXPECT_EQ(queue.NextDue(5min), kNever);
}

}  // namespace
}  // namespace skiff::scheduler
