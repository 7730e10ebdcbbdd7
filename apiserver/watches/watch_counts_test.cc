#include "apiserver/watches/watch_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(WatchCountsTest, EventsAreCountedByKindAndSize) {
  MetricRegistry registry;
  WatchCounts counts(registry);
  WatchCounts::OfKind* const pods = counts.Find(core_v1::Pod::Info());
  ASSERT_NE(pods, nullptr);
  EXPECT_EQ(counts.Find(core_v1::Pod::Info()), pods);
  EXPECT_THAT(registry.Text(), Not(HasSubstr("apiserver_watch_events_total")));
  pods->Add(1024);
  pods->Add(1025);
  pods->Add(1 << 20);
  counts.Find(core_v1::Node::Info())->Add(7);
  const std::string text = registry.Text();
  const std::string pod = R"(group="",version="v1",resource="pods")";
  EXPECT_THAT(text, HasSubstr("apiserver_watch_events_total{" + pod + "} 3\n"));
  EXPECT_THAT(text, HasSubstr(R"(resource="nodes"} 1)"));
  const std::string sizes = "apiserver_watch_events_sizes_bucket{" + pod;
  EXPECT_THAT(text, HasSubstr(sizes + ",le=\"1024\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(sizes + ",le=\"2048\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(sizes + ",le=\"131072\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(sizes + ",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("apiserver_watch_events_sizes_sum{" + pod + "} 1050625\n"));
}

TEST(WatchCountsTest, StatesAreTimedByScope) {
  MetricRegistry registry;
  WatchCounts counts(registry);
  counts.StateSent(core_v1::Pod::Info(), "namespace", 300ms);
  EXPECT_THAT(registry.Text(),
              HasSubstr("apiserver_watch_list_duration_seconds_bucket{group=\"\",version=\"v1\","
                        "resource=\"pods\",scope=\"namespace\",le=\"0.4\"} 1\n"));
}

}  // namespace
}  // namespace skiff
