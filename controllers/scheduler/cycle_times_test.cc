#include "controllers/scheduler/cycle_times.h"

#include <gmock/gmock.h>

#include <map>
#include <string>

#include "controllers/scheduler/cycle.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

using testing::HasSubstr;
using testing::Not;

class CycleTimesTest : public testing::Test {
 protected:
  // Of one cycle for a pod of one core.
  std::string Told(bool has_rules) {
    MetricRegistry registry;
    SchedulerMetrics metrics(registry, [] { return std::map<std::string, size_t>(); });
    const std::string profile = "default-scheduler";
    CycleTimes times(metrics, clock_, profile, has_rules);
    Snapshot snapshot = cluster_.MakeSnapshot();
    snapshot.times = &times;
    size_t start = 0;
    Schedule(*PodOf("p", 0, "1"), snapshot, start, random_);
    return registry.Text();
  }
  static std::string Point(const std::string& point) {
    return "scheduler_framework_extension_point_duration_seconds_count{extension_point=\"" + point +
           "\",status=\"Success\",profile=\"default-scheduler\"} 1\n";
  }
  static std::string Rule(const std::string& rule, const std::string& point,
                          const std::string& status) {
    return "scheduler_plugin_execution_duration_seconds_count{plugin=\"" + rule +
           "\",extension_point=\"" + point + "\",status=\"" + status + "\"}";
  }
  FakeClock clock_;
  SeededRandom random_{1};
  SchedulingFixture cluster_;
};

TEST_F(CycleTimesTest, PointsOfACycleAreTimed) {
  cluster_.AddNode("a", "4");
  cluster_.AddNode("b", "4");
  const std::string text = Told(/*has_rules=*/false);
  for (const char* point : {"PreFilter", "Filter", "PreScore", "Score"}) {
    EXPECT_THAT(text, HasSubstr(Point(point)));
  }
  EXPECT_THAT(text, Not(HasSubstr("scheduler_plugin_execution_duration_seconds")));
}

TEST_F(CycleTimesTest, OfSomeCyclesEachRuleIs) {
  cluster_.AddNode("a", "4");
  cluster_.AddNode("b", "4");
  cluster_.AddNode("small", "500m");
  const std::string text = Told(/*has_rules=*/true);
  EXPECT_THAT(text, HasSubstr(Rule("NodeResourcesFit", "PreFilter", "Success") + " 1\n"));
  EXPECT_THAT(text, HasSubstr(Rule("NodePorts", "PreFilter", "Skip") + " 1\n"));
  EXPECT_THAT(text, HasSubstr(Rule("NodeResourcesFit", "Filter", "Success") + " 2\n"));
  EXPECT_THAT(
      text, HasSubstr(Rule("NodeResourcesFit", "Filter", "UnschedulableAndUnresolvable") + " 1\n"));
  EXPECT_THAT(text, HasSubstr(Rule("NodeResourcesFit", "Score", "Success") + " 2\n"));
}

}  // namespace
}  // namespace skiff::scheduler
