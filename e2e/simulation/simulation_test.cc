#include "e2e/simulation/simulation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "e2e/simulation/workload.h"

namespace skiff {
namespace {

constexpr Duration kRollout = 2min;
constexpr Duration kDrain = 2min;
constexpr Duration kChaos = 4min;

// Runs ask for much memory and give it back, again and again: it stays with the process.
void KeepMemory() {
  constexpr int kBytes = 32 << 20;
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, kBytes), 1);
  EXPECT_EQ(mallopt(M_TRIM_THRESHOLD, 16 * kBytes), 1);
}

void ExpectSettles(Simulation& simulation, Workload& workload, const char* when) {
  const bool settled = simulation.Settle([&] { return workload.IsSettled(); });
  EXPECT_TRUE(settled) << when << ": " << testing::PrintToString(workload.Differences());
}

// Returns the revision at which the run ended and what struck meanwhile.
std::string RunSeed(uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const int errors_before = Log::ErrorCount();
  Simulation simulation({.seed = seed, .nodes = 3});
  Workload workload(simulation);
  ExpectSettles(simulation, workload, "at the start");
  // Nothing takes pods away but the rollout itself: it must keep its promise.
  simulation.invariants().GuardAvailability(true);
  workload.Roll();
  simulation.RunWithFaults(kRollout, {.messages = true, .processes = true});
  ExpectSettles(simulation, workload, "after the rollout");
  simulation.invariants().GuardAvailability(false);
  // The same of evictions and their budgets.
  simulation.invariants().GuardBudgets(true);
  simulation.RunWithFaults(kDrain, {.messages = true, .processes = true},
                           [&] { workload.Drain(); });
  ExpectSettles(simulation, workload, "after the drain");
  simulation.invariants().GuardBudgets(false);
  workload.Crowd();
  simulation.RunWithFaults(kChaos, kAllFaults, [&] { workload.Act(); });
  simulation.Mend();
  workload.Calm();
  ExpectSettles(simulation, workload, "after all faults");
  simulation.RunOutage();
  ExpectSettles(simulation, workload, "at the end");
  simulation.invariants().CheckAcknowledged();
  simulation.invariants().CheckOwners();
  EXPECT_EQ(simulation.WrittenAtRest(), std::vector<std::string>{})
      << "somebody writes although nothing is to be done";
  EXPECT_EQ(simulation.invariants().complaints(), std::vector<std::string>{})
      << simulation.FaultsText();
  EXPECT_EQ(Log::ErrorCount() - errors_before, simulation.disk_alarms()) << "somebody must act";
  const auto end = simulation.cluster().client().List(core_v1::Node::Info(), {});
  return end->resource_version + ": " + simulation.FaultsText();
}

// SKIFF_SEEDS=first:count runs others; e2e/simulate.sh runs hundreds for ctest, or thousands.
TEST(SimulationTest, ReplicasConvergeAndInvariantsHoldUnderFaults) {
  KeepMemory();
  uint64_t first = 1, count = 3;
  if (const char* seeds = std::getenv("SKIFF_SEEDS")) {
    first = std::strtoull(seeds, nullptr, 10);
    const char* colon = std::strchr(seeds, ':');
    count = colon == nullptr ? 1 : std::strtoull(colon + 1, nullptr, 10);
  }
  if (std::getenv("SKIFF_SIMULATION_LOG") == nullptr) {
    Log::Configure(LogLevel::kError, LogFormat::kText);
  }
  for (uint64_t seed = first; seed < first + count && !testing::Test::HasFailure(); ++seed) {
    RunSeed(seed);
  }
  Log::Configure(LogLevel::kInfo, LogFormat::kText);
}

TEST(SimulationTest, ASeedMeansTheSameRunEveryTime) {
  Log::Configure(LogLevel::kError, LogFormat::kText);
  EXPECT_EQ(RunSeed(1), RunSeed(1));
  Log::Configure(LogLevel::kInfo, LogFormat::kText);
}

}  // namespace
}  // namespace skiff
