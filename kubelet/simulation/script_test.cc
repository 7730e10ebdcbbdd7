#include "kubelet/simulation/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/typed.h"

namespace skiff::kubelet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

core_v1::Pod Pod(const std::string& policy, std::map<std::string, std::string> words = {}) {
  core_v1::Pod pod;
  pod.spec.restart_policy = policy;
  pod.spec.init_containers.emplace_back().name = "init";
  auto& sidecar = pod.spec.init_containers.emplace_back();
  sidecar.name = "sidecar";
  sidecar.restart_policy = "Always";
  pod.spec.containers.emplace_back().name = "main";
  pod.spec.containers.emplace_back().name = "other";
  for (auto& [word, value] : words) {
    pod.metadata.annotations[std::string(kSimulationPrefix) + word] = value;
  }
  return pod;
}

void ExpectEnd(const core_v1::Pod& pod, const std::string& container, Duration after, int code) {
  const auto end = EndOf(pod, container);
  ASSERT_TRUE(end) << container;
  EXPECT_EQ(end->after, after) << container;
  EXPECT_EQ(end->exit_code, code) << container;
}

TEST(SimulationScript, WhatNeedNotRunForEverEndsAfterAMoment) {
  ExpectEnd(Pod("Never"), "main", 1s, 0);
  ExpectEnd(Pod("OnFailure"), "main", 1s, 0);
  ExpectEnd(Pod("Always"), "init", 0s, 0);
  EXPECT_FALSE(EndOf(Pod("Always"), "main"));
  EXPECT_FALSE(EndOf(Pod("Never"), "sidecar"));
  EXPECT_FALSE(EndOf(Pod("Never"), "debugger")) << "an ephemeral container";
}

TEST(SimulationScript, AnnotationsChooseWhenAndHowAContainerEnds) {
  ExpectEnd(Pod("Never", {{"exit-after", "1m"}, {"exit-code", "3"}}), "main", 1min, 3);
  ExpectEnd(Pod("Always", {{"exit-after", "5s"}}), "main", 5s, 0);
  ExpectEnd(Pod("Always", {{"crash-after", "5s"}}), "main", 5s, 1);
  ExpectEnd(Pod("Always", {{"crash-after", "5s"}, {"exit-code", "139"}}), "main", 5s, 139);
  ExpectEnd(Pod("Always", {{"exit-code", "2"}}), "main", 1s, 2);
}

TEST(SimulationScript, AContainersOwnWordWinsAndInitContainersHaveNoOther) {
  const auto pod = Pod("Never", {{"exit-code", "1"}, {"exit-code.other", "4"},
                                 {"exit-after.init", "7s"}, {"crash-after", "9s"}});
  ExpectEnd(pod, "main", 9s, 1);
  ExpectEnd(pod, "other", 9s, 4);
  ExpectEnd(pod, "init", 7s, 0);
  ExpectEnd(Pod("Never", {{"crash-after.init", "2s"}}), "init", 2s, 1);
  EXPECT_FALSE(EndOf(pod, "sidecar"));
  ExpectEnd(Pod("Always", {{"crash-after.sidecar", "2s"}}), "sidecar", 2s, 1);
  ExpectEnd(Pod("Always", {{"exit-after.sidecar", "3s"}}), "sidecar", 3s, 0);
  ExpectEnd(Pod("Always", {{"exit-code.sidecar", "4"}}), "sidecar", 1s, 4);
}

TEST(SimulationScript, ReadinessHasASpan) {
  const auto always = ReadySpanOf(Pod("Always"), "main");
  EXPECT_EQ(always.from, 0s);
  EXPECT_EQ(always.until, kNever);
  const auto span =
      ReadySpanOf(Pod("Always", {{"ready-after", "3s"}, {"not-ready-after.main", "1m"}}), "main");
  EXPECT_EQ(span.from, 3s);
  EXPECT_EQ(span.until, 1min);
}

TEST(SimulationScript, UsageIsSaidOrHalfOfWhatIsRequestedOrLittle) {
  auto pod = Pod("Always", {{"cpu-usage.other", "250m"}, {"memory-usage.other", "64Mi"}});
  pod.spec.containers[0].resources.requests["cpu"] = *Quantity::Parse("2");
  pod.spec.containers[0].resources.requests["memory"] = *Quantity::Parse("1Gi");
  EXPECT_EQ(UsageOf(pod, "main").nano_cores, 1'000'000'000);
  EXPECT_EQ(UsageOf(pod, "main").memory_bytes, 512LL << 20);
  EXPECT_EQ(UsageOf(pod, "other").nano_cores, 250'000'000);
  EXPECT_EQ(UsageOf(pod, "other").memory_bytes, 64LL << 20);
  EXPECT_GT(UsageOf(pod, "init").nano_cores, 0);
}

// What one pod says is added to what the others of its node use.
TEST(SimulationScript, UsageIsNeitherLessThanNothingNorMoreThanCanBeAdded) {
  auto pod = Pod("Always", {{"cpu-usage.other", "-1"}, {"memory-usage.other", "-1Gi"}});
  pod.spec.containers[0].resources.requests["cpu"] = Quantity::FromValue(INT64_MAX);
  pod.spec.containers[0].resources.requests["memory"] = Quantity::FromValue(INT64_MAX);
  EXPECT_EQ(UsageOf(pod, "main").nano_cores, 500'000'000'000'000);
  EXPECT_EQ(UsageOf(pod, "main").memory_bytes, int64_t{1} << 49);
  EXPECT_EQ(UsageOf(pod, "other").nano_cores, 0);
  EXPECT_EQ(UsageOf(pod, "other").memory_bytes, 0);
}

TEST(SimulationScript, WhatCannotBeReadHasNoEffectAndIsTold) {
  const auto pod = Pod("Never", {{"exit-code", "300"}, {"exit-after", "-1s"}, {"explode", "yes"},
                                 {"fail-image-pull", "maybe"}});
  ExpectEnd(pod, "main", 1s, 0);
  EXPECT_FALSE(FailsImagePull(pod));
  EXPECT_THAT(
      ScriptProblems(pod),
      ElementsAre("annotation simulation.skiff.io/exit-after: \"-1s\" has no effect: it is no "
                  "duration such as 10s or 1m30s",
                  "annotation simulation.skiff.io/exit-code: \"300\" has no effect: it is no exit "
                  "code, 0 to 255",
                  "annotation simulation.skiff.io/explode: \"yes\" has no effect: there is no such "
                  "annotation",
                  "annotation simulation.skiff.io/fail-image-pull: \"maybe\" has no effect: it is "
                  "neither true nor false"));
  auto other = Pod("Never");
  other.metadata.annotations["other.io/exit-code"] = "x";
  EXPECT_THAT(ScriptProblems(other), IsEmpty());
}

TEST(SimulationScript, WhatIsAboutNothingThatThereIsIsTold) {
  EXPECT_THAT(ScriptProblems(Pod("Never", {{"exit-after.init", "1s"},
                                           {"exit-after.main", "1s"},
                                           {"exit-after.sidecar", "1s"}})),
              IsEmpty());
  EXPECT_THAT(
      ScriptProblems(Pod("Never", {{"exit-after.man", "1s"},
                                   {"heartbeat-stops-after", "1s"},
                                   {"start-delay.main", "1s"}})),
      ElementsAre("annotation simulation.skiff.io/exit-after.man: \"1s\" has no effect: the pod has "
                  "no container \"man\"",
                  "annotation simulation.skiff.io/heartbeat-stops-after: \"1s\" has no effect: it is "
                  "an annotation of nodes",
                  "annotation simulation.skiff.io/start-delay.main: \"1s\" has no effect: it is "
                  "about the pod, not about one container"));
  core_v1::Node node;
  node.metadata.annotations["simulation.skiff.io/crash-after"] = "1s";
  node.metadata.annotations["simulation.skiff.io/not-ready-after.main"] = "1s";
  EXPECT_THAT(ScriptProblems(node),
              ElementsAre("annotation simulation.skiff.io/crash-after: \"1s\" has no effect: it is "
                          "an annotation of pods",
                          "annotation simulation.skiff.io/not-ready-after.main: \"1s\" has no "
                          "effect: nodes have no containers"));
}

TEST(SimulationScript, WhatARealNodeWouldLookForIsNamed) {
  auto pod = Pod("Always");
  const auto add = [&](const char* name) -> core_v1::Volume& {
    auto& volume = pod.spec.volumes.emplace_back();
    volume.name = name;
    return volume;
  };
  add("settings").config_map.emplace().name = "settings";
  add("scratch").empty_dir.emplace();
  add("logs").host_path.emplace().path = "/var/log";
  EXPECT_THAT(Unsimulated(pod), IsEmpty());
  add("share").nfs.emplace().server = "files";
  auto& security = pod.spec.containers[0].security_context.emplace();
  security.app_armor_profile.emplace().type = "RuntimeDefault";
  EXPECT_THAT(Unsimulated(pod), ElementsAre("volume share (nfs) is taken to be there"));
  security.app_armor_profile->type = "Localhost";
  security.app_armor_profile->localhost_profile = "tight";
  security.seccomp_profile.emplace().type = "Localhost";
  security.seccomp_profile->localhost_profile = "strict.json";
  EXPECT_THAT(Unsimulated(pod),
              ElementsAre("volume share (nfs) is taken to be there",
                          "the AppArmor profile tight of container main is taken to be there",
                          "the seccomp profile strict.json of container main is taken to be there"));
}

TEST(SimulationScript, NodesChooseWhenTheyFail) {
  core_v1::Node node;
  EXPECT_EQ(NodeScriptOf(node).silent_after, kNever);
  node.metadata.annotations["simulation.skiff.io/not-ready-after"] = "30s";
  node.metadata.annotations["simulation.skiff.io/heartbeat-stops-after"] = "1m";
  EXPECT_EQ(NodeScriptOf(node).not_ready_after, 30s);
  EXPECT_EQ(NodeScriptOf(node).silent_after, 1min);
}

}  // namespace
}  // namespace skiff::kubelet
