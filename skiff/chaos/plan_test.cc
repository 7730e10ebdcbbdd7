// What is run for a fault and to undo it, as text: testdata/*.txt. UPDATE_GOLDEN=1 rewrites them.
#include "skiff/chaos/plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/source_root.h"

namespace skiff::chaos {
namespace {

constexpr char kId[] = "x7k2p";
constexpr Duration kEnds = 100s;

Place PodA() {
  Place place{.target = {false, "default", "a"}, .uid = "1", .is_here = true};
  place.holder = {100, 1};
  place.device = "eth0";
  place.addresses = {"10.244.0.5/32", "fd00::5/128"};
  place.groups = {"aaaa", "bbbb"};
  place.directory = "/cache";
  return place;
}
Place PodB() {
  Place place{.target = {false, "default", "b"}, .uid = "2", .is_here = true};
  place.holder = {200, 2};
  place.device = "eth0";
  place.addresses = {"10.244.0.6/32"};
  return place;
}
Place Near() {
  Place place{.target = {true, "", "near"}, .uid = "3"};
  place.addresses = {"10.77.1.11/32", "10.244.1.0/24"};
  return place;
}
Place Container() {
  Place place{.target = {true, "", "skiff-agent-1"}, .uid = "4", .is_here = true};
  place.holder = {300, 3};
  place.device = "eth0";
  place.addresses = {"172.18.0.3/32", "10.244.1.0/24"};
  place.docker = "skiff-agent-1";
  place.groups = {"cccc"};
  return place;
}

Request Asked(Fault fault) {
  Request request{.fault = fault, .length = 30s};
  if (fault == Fault::kNetem) request.impairment = {.delay = 100ms, .loss = 5};
  return request;
}

std::string TextOf(const char* what, const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    text += fmt::format("{}: {}\n", what, fmt::join(command.argv, " "));
    if (command.holder.pid != 0) {
      text += fmt::format("  as long as process {} lives\n", command.holder.pid);
    }
    if (!command.absent.empty()) text += fmt::format("  also done: {}\n", command.absent);
    std::istringstream lines(command.stdin_text);
    for (std::string line; std::getline(lines, line);) text += "  | " + line + "\n";
  }
  return text;
}

std::string TextOf(const Plan& plan) {
  std::string text = TextOf("begin", plan.begin) + TextOf("end", plan.end);
  const Hold& hold = plan.hold;
  if (hold.queue >= 0) {
    text += fmt::format("hold: queue {} of process {}: {}\n", hold.queue, hold.queued_by.pid,
                        ImpairmentText(hold.impairment));
  }
  if (!hold.frozen.empty()) text += fmt::format("hold: stop {}\n", fmt::join(hold.frozen, ", "));
  if (plan.stays) text += "somebody stands in for its supervisor\n";
  if (!hold.filled.empty()) {
    text += fmt::format("hold: fill {} of process {}\n", hold.filled, hold.filled_by.pid);
  }
  return text;
}

void ExpectGolden(const std::string& name, const Plan& plan) {
  const std::string path =
      std::string(kSourceRoot) + "/skiff/chaos/testdata/" + name + ".txt";
  const std::string text = TextOf(plan);
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream in(path);
  std::ostringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

TEST(ChaosPlanTest, APodThatIsCutFromAll) {
  ExpectGolden("partition_pod",
               MakePlan(Asked(Fault::kPartition), kId, PodA(), std::nullopt, kEnds));
}

TEST(ChaosPlanTest, ALinkIsCutAtBothEnds) {
  // By way of a Service the one end sees the Service's address alone; the other sees its peer's.
  Request request = Asked(Fault::kPartition);
  request.direction = Direction::kOut;
  ExpectGolden("partition_pods_out", MakePlan(request, kId, PodA(), PodB(), kEnds));
}

TEST(ChaosPlanTest, ALinkIsCutAtTheEndThatIsHere) {
  ExpectGolden("partition_node",
               MakePlan(Asked(Fault::kPartition), kId, Near(), Container(), kEnds));
}

TEST(ChaosPlanTest, NoRulesStandInAMachinesOwnNetwork) {
  Place host = Near();
  host.is_here = host.has_hosts_network = true;
  host.holder = {400, 4};
  const Plan plan = MakePlan(Asked(Fault::kPartition), kId, PodA(), host, kEnds);
  for (const auto& commands : {plan.begin, plan.end}) {
    ASSERT_EQ(commands.size(), 1u);
    EXPECT_EQ(commands[0].holder, PodA().holder);
  }
}

TEST(ChaosPlanTest, APodWithABadLink) {
  ExpectGolden("netem_pod", MakePlan(Asked(Fault::kNetem), kId, PodA(), std::nullopt, kEnds));
}

TEST(ChaosPlanTest, ABadLinkToANode) {
  ExpectGolden("netem_link", MakePlan(Asked(Fault::kNetem), kId, PodA(), Near(), kEnds));
}

TEST(ChaosPlanTest, ANodeWithoutPower) {
  ExpectGolden("kill_node", MakePlan(Asked(Fault::kKill), kId, Container(), std::nullopt, kEnds));
}

TEST(ChaosPlanTest, WhatIsHeldByHand) {
  ExpectGolden("pause_pod", MakePlan(Asked(Fault::kPause), kId, PodA(), std::nullopt, kEnds));
  ExpectGolden("disk_pod", MakePlan(Asked(Fault::kDisk), kId, PodA(), std::nullopt, kEnds));
}

TEST(ChaosPlanTest, AClockIsWrongFromNowUntilTheEnd) {
  Request request = Asked(Fault::kClock);
  request.target = Near().target;
  request.offset = -5s;
  request.drift_ppm = 3;
  Place near = Near();
  near.directory = "/data";
  const Hold here = MakePlan(request, kId, near, std::nullopt, kEnds).hold;
  EXPECT_EQ(here.clock, (ClockFault{-5s, 3, 70s, 100s}));
  EXPECT_EQ(here.clock_of, Near().target.name);
  EXPECT_EQ(here.clock_directory, "/data");
  EXPECT_EQ(here.clock_seen_by.pid, 0);
  // In a container the directory is another one.
  EXPECT_EQ(MakePlan(request, kId, Container(), std::nullopt, kEnds).hold.clock_seen_by,
            Container().holder);
}

TEST(ChaosPlanTest, TheClockOfAPodIsThatOfItsContainers) {
  Request request = Asked(Fault::kClock);
  request.target = PodA().target;
  request.offset = 5s;
  const Hold hold = MakePlan(request, kId, PodA(), std::nullopt, kEnds).hold;
  EXPECT_EQ(hold.clocks, PodA().groups);
  EXPECT_FALSE(hold.clocks.empty());
  EXPECT_EQ(hold.clock, (ClockFault{5s, 0, 70s, 100s}));
  EXPECT_EQ(hold.clock_of, "");
}

}  // namespace
}  // namespace skiff::chaos
