// apiserver_flowcontrol_*: what is counted of flows, under kube-apiserver's names.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/flow_control/dispatcher.h"
#include "base/metrics.h"

namespace skiff::flow_control {

enum class Refused : uint8_t { kQueueFull, kConcurrencyLimit, kTimeOut, kCancelled };
inline constexpr std::array<const char*, 4> kRefusedReasons = {"queue-full", "concurrency-limit",
                                                               "time-out", "cancelled"};

// Of one schema and the level that it leads to. Any thread.
struct FlowFigures {
  FlowFigures(std::string of_schema, std::string of_level)
      : schema(std::move(of_schema)), level(std::move(of_level)) {}
  const std::string schema;
  const std::string level;
  std::atomic<int64_t> dispatched = 0;
  std::atomic<int64_t> executing = 0;
  std::atomic<int64_t> executing_seats = 0;
  std::atomic<int64_t> waiting = 0;
  std::atomic<int64_t> waiting_seats = 0;
  std::atomic<int64_t> not_accommodated = 0;  // How often there were no seats for who was next.
  std::array<std::atomic<int64_t>, kRefusedReasons.size()> refused = {};
};

// What is known of a level at one moment.
struct LevelFigures {
  std::string name;
  Limits limits;
  int seats = 0;
  Wish wish;
  double target = 0;
};

class Figures {
 public:
  struct Sources {
    std::function<std::vector<std::shared_ptr<const FlowFigures>>()> flows;
    std::function<std::vector<LevelFigures>()> levels;
    std::function<double()> fair_fraction;
    std::function<Dispatcher::OverTimeFigures()> over_time;
  };
  // The sources are asked by whoever asks `registry`, and outlive it.
  Figures(MetricRegistry& registry, Sources sources);

  void Waited(const FlowFigures& flow, Duration time, bool executed) {
    waited_.Observe({executed ? "true" : "false", flow.schema, flow.level}, SecondsOf(time));
  }
  void Executed(const FlowFigures& flow, Duration time, bool is_watch) {
    executed_.Observe({flow.schema, flow.level, is_watch ? "watch" : "regular"}, SecondsOf(time));
  }
  void Estimated(const FlowFigures& flow, int seats) {
    estimated_.Observe({flow.schema, flow.level}, seats);
  }
  // How many watches hear of what a request may change.
  void Watched(const FlowFigures& flow, int64_t watchers) {
    watched_.Observe({flow.schema, flow.level}, static_cast<double>(watchers));
  }
  // How many wait in its queue with a request that has just come.
  void Queued(const FlowFigures& flow, int length) {
    queued_.Observe({flow.schema, flow.level}, length);
  }

 private:
  static double SecondsOf(Duration time) { return std::chrono::duration<double>(time).count(); }
  void AddFlows(MetricRegistry& registry, const Sources& sources);
  void AddLevels(MetricRegistry& registry, const Sources& sources);
  void AddProgress(MetricRegistry& registry, const Sources& sources);
  void AddOverTime(MetricRegistry& registry, const Sources& sources);
  HistogramFamily& waited_;
  HistogramFamily& executed_;
  HistogramFamily& estimated_;
  HistogramFamily& watched_;
  HistogramFamily& queued_;
};

}  // namespace skiff::flow_control
