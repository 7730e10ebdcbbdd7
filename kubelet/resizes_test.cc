#include "kubelet/resizes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace skiff::kubelet {
namespace {

class ResizesTest : public testing::Test {
 protected:
  ResizesTest() {
    char name[] = "/tmp/skiff-resizes-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  ~ResizesTest() override { std::filesystem::remove_all(directory_); }
  static core_v1::Pod Asking(const std::string& uid, const char* cpu) {
    core_v1::Pod pod;
    pod.metadata.uid = uid;
    auto& container = pod.spec.containers.emplace_back();
    container.name = "c";
    container.resources.requests["cpu"] = *Quantity::Parse(cpu);
    return pod;
  }
  static std::string Cpu(const core_v1::Pod& pod) {
    return pod.spec.containers.at(0).resources.requests.at("cpu").Text();
  }
  Resizes Make() {
    return Resizes({directory_, {4000, int64_t{8} << 30}},
                   [this](const std::string& uid) { retried_.push_back(uid); });
  }

  std::string directory_;
  std::vector<std::string> retried_;
};

TEST_F(ResizesTest, ARestartedKubeletKnowsWhatPodsWereAllotted) {
  core_v1::ResourceRequirements told;
  told.requests["cpu"] = *Quantity::Parse("1");
  {
    Resizes before = Make();
    before.Admit(Asking("a", "1"));
    before.SetActuated("a", "c", told);
  }
  Resizes after = Make();
  EXPECT_EQ(Cpu(after.Allotted(Asking("a", "3"))), "1");
  EXPECT_EQ(after.Actuated("a").at("c"), told);
  after.Forget("a");
  EXPECT_EQ(Cpu(Make().Allotted(Asking("a", "3"))), "3");
}

TEST_F(ResizesTest, WhoWaitsForRoomIsToldWhenAPodGoes) {
  Resizes resizes = Make();
  resizes.Admit(Asking("a", "1"));
  resizes.Admit(Asking("b", "2"));
  const auto verdict = resizes.Allot(Asking("a", "3"));
  ASSERT_TRUE(verdict.pending);
  EXPECT_EQ(verdict.pending->reason, "Deferred");
  EXPECT_EQ(verdict.pending->message,
            "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000");
  ASSERT_TRUE(verdict.pod);
  EXPECT_EQ(Cpu(*verdict.pod), "1");
  resizes.Forget("b");
  EXPECT_EQ(retried_, std::vector<std::string>{"a"});
  const auto given = resizes.Allot(Asking("a", "3"));
  EXPECT_TRUE(given.accepted);
  EXPECT_STREQ(given.trigger, "pods_removed");
  const auto again = resizes.Allot(Asking("a", "3"));
  EXPECT_FALSE(again.accepted);
  EXPECT_STREQ(again.trigger, "");
}

TEST(ResizePlanTest, WhatASpecHasComeToAskForIsCounted) {
  core_v1::PodSpec before, now;
  auto& old = before.containers.emplace_back();
  old.name = "c";
  old.resources.requests = {{"cpu", *Quantity::Parse("1")}, {"memory", *Quantity::Parse("1Gi")}};
  old.resources.limits = {{"cpu", *Quantity::Parse("2")}};
  now = before;
  EXPECT_TRUE(RequestedResizes(before, now).empty());
  auto& resources = now.containers[0].resources;
  resources.requests["cpu"] = *Quantity::Parse("500m");
  resources.requests["memory"] = *Quantity::Parse("2Gi");
  resources.limits = {{"memory", *Quantity::Parse("2Gi")}};
  std::vector<std::string> told;
  for (const RequestedResize& each : RequestedResizes(before, now)) {
    told.push_back(std::string(each.resource) + " " + each.requirement + " " + each.operation);
  }
  EXPECT_EQ(told, (std::vector<std::string>{"memory requests increase", "memory limits add",
                                            "cpu requests decrease", "cpu limits remove"}));
}

TEST_F(ResizesTest, WhatBecomesFreeGoesToTheMoreImportantAndThenToWhoWaitedLongest) {
  Resizes resizes = Make();
  for (const char* uid : {"a", "b", "c"}) resizes.Admit(Asking(uid, "1"));
  resizes.Admit(Asking("full", "1"));
  core_v1::Pod important = Asking("c", "2");
  important.spec.priority = 7;
  EXPECT_TRUE(resizes.Allot(Asking("b", "2")).pending);
  EXPECT_TRUE(resizes.Allot(Asking("a", "2")).pending);
  EXPECT_TRUE(resizes.Allot(important).pending);
  EXPECT_TRUE(resizes.Allot(Asking("b", "2")).pending) << "who asks again has waited all the same";
  resizes.Forget("full");
  EXPECT_EQ(retried_, std::vector<std::string>{"c"});
  EXPECT_TRUE(resizes.Allot(Asking("a", "2")).pending);
  const auto verdict = resizes.Allot(important);
  EXPECT_TRUE(verdict.accepted);
  EXPECT_FALSE(verdict.pending);
  EXPECT_FALSE(verdict.pod) << "what has what it asks for is run as it is, and not copied";
  EXPECT_FALSE(resizes.Allot(important).accepted);
  resizes.Forget("c");
  EXPECT_EQ(retried_, (std::vector<std::string>{"c", "b", "a"}));
  EXPECT_EQ(Cpu(Make().Allotted(Asking("a", "1"))), "2") << "as the file has it";
}

TEST_F(ResizesTest, WhatWasGivenIsToldOfThoughTheSpecAsksForMoreByThen) {
  Resizes resizes = Make();
  resizes.Admit(Asking("a", "1"));
  resizes.Admit(Asking("b", "2"));
  core_v1::Pod wanted = Asking("a", "3");
  wanted.metadata.generation = 2;
  EXPECT_TRUE(resizes.Allot(wanted).pending);
  resizes.Forget("b");
  core_v1::Pod greedy = Asking("a", "9");
  greedy.metadata.generation = 3;
  const auto verdict = resizes.Allot(greedy);
  EXPECT_TRUE(verdict.pending);
  EXPECT_TRUE(verdict.accepted);
  EXPECT_EQ(verdict.generation, 2);
  ASSERT_TRUE(verdict.pod);
  EXPECT_EQ(Cpu(*verdict.pod), "3");
}

TEST_F(ResizesTest, OfManyOnlyThoseAreCopiedThatWaitForMore) {
  Resizes resizes = Make();
  const auto rests = std::make_shared<const core_v1::Pod>(Asking("a", "1"));
  resizes.Admit(*rests);
  resizes.Admit(Asking("b", "2"));
  std::vector<std::shared_ptr<const core_v1::Pod>> pods = {
      rests, std::make_shared<const core_v1::Pod>(Asking("b", "9"))};
  pods = resizes.Allotted(pods);
  EXPECT_EQ(pods.at(0), rests);
  EXPECT_EQ(Cpu(*pods.at(1)), "2");
}

TEST_F(ResizesTest, ASpecAsksForWhatItsContainersAndSidecarsAskForAndForNothingElse) {
  core_v1::Pod pod = Asking("a", "1");
  core_v1::Container& sidecar = pod.spec.init_containers.emplace_back();
  sidecar.name = "sidecar";
  sidecar.restart_policy = "Always";
  const Amounts amounts = AmountsOf(pod.spec);
  EXPECT_TRUE(AsksFor(pod.spec, amounts));
  pod.spec.init_containers.emplace_back().name = "first";
  EXPECT_TRUE(AsksFor(pod.spec, amounts));
  for (const char* name : {"c", "sidecar"}) {
    Amounts others = amounts;
    others[name].limits["memory"] = *Quantity::Parse("1Gi");
    EXPECT_FALSE(AsksFor(pod.spec, others));
    others.erase(name);
    EXPECT_FALSE(AsksFor(pod.spec, others));
  }
  Amounts more = amounts;
  more["first"] = {};
  EXPECT_FALSE(AsksFor(pod.spec, more));
}

TEST_F(ResizesTest, MoreThanTheNodeHasIsRefused) {
  Resizes resizes = Make();
  resizes.Admit(Asking("a", "1"));
  const auto verdict = resizes.Allot(Asking("a", "5"));
  ASSERT_TRUE(verdict.pending);
  EXPECT_EQ(verdict.pending->reason, "Infeasible");
  EXPECT_EQ(verdict.pending->message,
            "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000");
}

TEST_F(ResizesTest, WhoAsksDoesNotWaitForTheDisk) {
  // Opening it for writing blocks until somebody reads.
  const std::string unfinished = directory_ + "/allocated_pods_state.new";
  ASSERT_EQ(mkfifo(unfinished.c_str(), 0600), 0);
  Resizes resizes = Make();
  std::jthread writer([&] { resizes.Admit(Asking("a", "1")); });
  auto seen = std::async(std::launch::async, [&] {
    while (Cpu(resizes.Allotted(Asking("a", "3"))) != "1") std::this_thread::yield();
  });
  const auto waited = seen.wait_for(std::chrono::seconds(20));
  const std::ifstream reader(unfinished);
  EXPECT_EQ(waited, std::future_status::ready);
  writer.join();
}

TEST_F(ResizesTest, OfPodsThatNobodyKnowsNothingIsKept) {
  {
    Resizes before = Make();
    before.Admit(Asking("a", "1"));
    before.Admit(Asking("b", "1"));
  }
  Resizes after = Make();
  after.Admit(Asking("new", "1"));
  after.Retain({"a"});
  EXPECT_EQ(Cpu(after.Allotted(Asking("a", "3"))), "1");
  EXPECT_EQ(Cpu(after.Allotted(Asking("b", "3"))), "3");
  EXPECT_EQ(Cpu(after.Allotted(Asking("new", "3"))), "1");
  EXPECT_EQ(Cpu(Make().Allotted(Asking("b", "3"))), "3");
}

}  // namespace
}  // namespace skiff::kubelet
