#include <gtest/gtest.h>

#include "controllers/metrics/documents.h"
#include "controllers/metrics/usage_table.h"

namespace skiff::metrics {
namespace {

constexpr TimePoint kNow(1'700'000'000s);

constexpr const char* kText = R"(# HELP container_cpu_usage_seconds_total x
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="main",namespace="default",pod="a"} 2.5 1700000000500
container_memory_working_set_bytes{container="main",namespace="default",pod="a"} 1.1485184e+07
container_start_time_seconds{container="main",namespace="default",pod="a"} 1.69999e+09
container_cpu_usage_seconds_total{container="odd\"\\\n",namespace="default",pod="b"} 1
container_cpu_usage_seconds_total{container="broken,namespace="default",pod="b"} 1
container_cpu_usage_seconds_total{namespace="default",pod="b"} 7
container_cpu_usage_seconds_total{container="x",namespace="default",pod="b"} NaN
node_cpu_usage_seconds_total 100
node_memory_working_set_bytes 4096
)";

Point PointAt(Duration after, double cpu_seconds) {
  return {.at = kNow + after, .cpu_seconds = cpu_seconds, .memory_bytes = 4096, .started_s = 5};
}

TEST(MetricsSampleTest, AKubeletsTextIsReadAndWhatIsOddIsPassedOver) {
  const Sample sample = ParseSample(kText, kNow);
  ASSERT_EQ(sample.containers.size(), 2u);
  const Point& main = sample.containers.at({"default", "a", "main"});
  EXPECT_EQ(main.cpu_seconds, 2.5);
  EXPECT_EQ(main.memory_bytes, 11485184);
  EXPECT_EQ(main.at, kNow + 500ms);
  EXPECT_EQ(main.started_s, 1.69999e+09);
  EXPECT_TRUE(sample.containers.contains({"default", "b", "odd\"\\\n"}));
  EXPECT_EQ(sample.node.cpu_seconds, 100);
  EXPECT_EQ(sample.node.at, kNow) << "no time of its own";
  EXPECT_TRUE(ParseSample("", kNow).containers.empty());
  EXPECT_TRUE(ParseSample("{\nx{\nx{a=\nx{a=\"\nx 1 1 1\n", kNow).containers.empty());
}

// Two samples a node are kept.
TEST(MetricsSampleTest, AKubeletThatSaysTooMuchIsHeardInPart) {
  const auto line = [](const std::string& pod) {
    return "container_cpu_usage_seconds_total{container=\"c\",namespace=\"n\",pod=\"" + pod +
           "\"} 1\n";
  };
  std::string text = line(std::string(100'000, 'x'));
  for (int i = 0; i < 30'000; ++i) text += line("p" + std::to_string(i));
  text += "container_memory_working_set_bytes{container=\"c\",namespace=\"n\",pod=\"p7\"} 4096\n";
  text += "node_cpu_usage_seconds_total 100\n";
  const Sample sample = ParseSample(text, kNow);
  EXPECT_EQ(sample.containers.size(), 10'000u);
  EXPECT_EQ(sample.containers.at({"n", "p7", "c"}).memory_bytes, 4096) << "it was there already";
  EXPECT_EQ(sample.node.cpu_seconds, 100);
}

TEST(MetricsSampleTest, AMomentThatThereIsNotIsNotTaken) {
  for (const char* at : {"9223372036854775807", "-9223372036854775807"}) {
    const std::string text = std::string("node_cpu_usage_seconds_total 100 ") + at + "\n";
    EXPECT_EQ(ParseSample(text, kNow).node.at, kNow) << at;
  }
}

TEST(MetricsSampleTest, UseIsWhatWasCountedBetweenTwoLooks) {
  const Point before = PointAt(0s, 10);
  const Point now = PointAt(20s, 15);
  const auto usage = UsageBetween(&before, now, 15s);
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->nano_cores, 250'000'000);
  EXPECT_EQ(usage->window, 20s);
  EXPECT_EQ(usage->at, kNow + 20s);
  EXPECT_FALSE(UsageBetween(&now, now, 15s)) << "no time has passed";
  const Point less = PointAt(20s, 9);
  EXPECT_FALSE(UsageBetween(&before, less, 15s)) << "counted anew";
  Point restarted = now;
  restarted.started_s = 6;
  EXPECT_FALSE(UsageBetween(&before, restarted, 15s));
  Point half = now;
  half.memory_bytes.reset();
  EXPECT_FALSE(UsageBetween(&before, half, 15s));
}

TEST(MetricsSampleTest, AYoungContainerIsMeasuredSinceItsStart) {
  const double start = std::chrono::duration<double>(kNow.time_since_epoch()).count();
  const auto after = [&](Duration time) {
    Point point = PointAt(time, 6);
    point.started_s = start;
    return UsageBetween(nullptr, point, 15s);
  };
  EXPECT_EQ(after(12s)->nano_cores, 500'000'000);
  EXPECT_FALSE(after(9s));
  EXPECT_FALSE(after(15s)) << "two looks will tell better";
}

TEST(UsageTableTest, APodIsKnownOnceAllItsContainersAre) {
  UsageTable table;
  Sample sample;
  sample.node = PointAt(0s, 1);
  sample.containers[{"ns", "a", "x"}] = PointAt(0s, 1);
  sample.containers[{"ns", "ab", "x"}] = PointAt(0s, 1);
  table.Put("n", sample);
  EXPECT_FALSE(table.OfNode("n"));
  EXPECT_FALSE(table.OfPod("n", "ns", "a"));
  sample.node = PointAt(10s, 2);
  for (auto& [name, point] : sample.containers) point = PointAt(10s, 2);
  sample.containers[{"ns", "ab", "y"}] = PointAt(10s, 2);
  table.Put("n", sample);
  EXPECT_EQ(table.OfNode("n")->nano_cores, 100'000'000);
  ASSERT_TRUE(table.OfPod("n", "ns", "a"));
  EXPECT_EQ(table.OfPod("n", "ns", "a")->size(), 1u);
  EXPECT_FALSE(table.OfPod("n", "ns", "ab")) << "y has been seen once";
  EXPECT_FALSE(table.OfPod("n", "ns", "none"));
  table.Put("n", sample);
  EXPECT_TRUE(table.OfNode("n")) << "an old look changes nothing";
  table.Keep({});
  EXPECT_FALSE(table.OfNode("n"));
}

TEST(UsageTableTest, ANodeWhoseClockIsSetBackIsKnownAgainAfterTwoLooks) {
  UsageTable table;
  Sample sample;
  const auto look = [&](Duration after, double cpu_seconds) {
    sample.node = PointAt(after, cpu_seconds);
    table.Put("n", sample);
  };
  look(1h, 1);
  look(1h + 10s, 2);
  EXPECT_TRUE(table.OfNode("n"));
  look(0s, 3);
  EXPECT_FALSE(table.OfNode("n"));
  look(10s, 5);
  ASSERT_TRUE(table.OfNode("n"));
  EXPECT_EQ(table.OfNode("n")->nano_cores, 200'000'000);
}

TEST(UsageTableTest, NodesAreLookedAtWhileSomebodyAsks) {
  UsageTable table;
  EXPECT_FALSE(table.IsWanted(1h));
  EXPECT_TRUE(table.Asked(1h));
  EXPECT_FALSE(table.Asked(1h + 1min)) << "the looking goes on already";
  EXPECT_TRUE(table.IsWanted(1h + 5min));
  EXPECT_FALSE(table.IsWanted(1h + 6min));
  EXPECT_TRUE(table.Asked(1h + 6min));
}

TEST(MetricsDocumentsTest, AmountsAreWrittenAsTheMetricsServerDoes) {
  const Usage usage{.nano_cores = 156340, .memory_bytes = 11216 << 10, .at = kNow,
                    .window = 15020ms};
  EXPECT_EQ(NodeMetricsOf({"", "n", {{"l", "v"}}}, usage, kNow + 1s), Json::parse(R"({
      "metadata": {"name": "n", "creationTimestamp": "2023-11-14T22:13:21Z", "labels": {"l": "v"}},
      "timestamp": "2023-11-14T22:13:20Z", "window": "15.02s",
      "usage": {"cpu": "156340n", "memory": "11216Ki"}})"));
  const Json pod = PodMetricsOf({"ns", "p", {}}, {{"main", usage}}, kNow);
  EXPECT_EQ(pod.at("containers"), Json::parse(R"([
      {"name": "main", "usage": {"cpu": "156340n", "memory": "11216Ki"}}])"));
  EXPECT_EQ(pod.at("metadata").at("namespace"), "ns");
  EXPECT_EQ(SingleOf("PodMetrics", pod).at("apiVersion"), "metrics.k8s.io/v1beta1");
  EXPECT_EQ(ListOf("PodMetrics", Json::array({pod})).at("kind"), "PodMetricsList");
}

TEST(MetricsDocumentsTest, WhatIsListedHasADescription) {
  const Json resources = ResourceList().at("resources");
  ASSERT_EQ(resources.size(), 2u);
  EXPECT_EQ(resources[0].at("verbs"), Json({"get", "list"}));
  const Json document = OpenApiDocument();
  EXPECT_EQ(document.at("paths").size(), 5u);
  for (const auto& [path, item] : document.at("paths").items()) {
    const std::string& schema = item["get"]["responses"]["200"]["content"]["application/json"]
                                    ["schema"]["$ref"].get_ref<const std::string&>();
    EXPECT_TRUE(document.at("components").at("schemas").contains(
        schema.substr(std::string_view("#/components/schemas/").size())))
        << path;
  }
}

TEST(MetricsDocumentsTest, EachFieldSaysWhatItIsFor) {
  const auto is_told = [](const Json& schema) { return !schema.value("description", "").empty(); };
  const Json document = OpenApiDocument();
  for (const auto& [name, schema] : document.at("components").at("schemas").items()) {
    EXPECT_TRUE(is_told(schema) || name.ends_with("List")) << name;
    for (const auto& [field, of_field] : schema.at("properties").items()) {
      EXPECT_TRUE(is_told(of_field)) << name << "." << field;
      if (field != "containers") continue;
      for (const auto& [of_one, inner] : of_field.at("items").at("properties").items()) {
        EXPECT_TRUE(is_told(inner)) << of_one;
      }
    }
  }
}

}  // namespace
}  // namespace skiff::metrics
