#include "apiserver/flow_control/figures.h"

namespace skiff::flow_control {
namespace {

std::vector<double> WaitBounds() {
  return {0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30};
}

std::string NameOf(const char* name) {
  return std::string("apiserver_flowcontrol_") + name;
}

}  // namespace

Figures::Figures(MetricRegistry& registry, Sources sources)
    : waited_(registry.AddHistogram({NameOf("request_wait_duration_seconds"),
                                     "[BETA] Time for which requests waited for their turn.",
                                     {"execute", "flow_schema", "priority_level"}},
                                    WaitBounds())),
      executed_(registry.AddHistogram({NameOf("request_execution_seconds"),
                                       "[ALPHA] Time for which requests were worked on.",
                                       {"flow_schema", "priority_level", "type"}},
                                      WaitBounds())),
      estimated_(registry.AddHistogram({NameOf("work_estimated_seats"),
                                        "[ALPHA] Seats that requests were taken to need.",
                                        {"flow_schema", "priority_level"}},
                                       {1, 2, 4, 8, 16, 32, 64, 100})),
      watched_(registry.AddHistogram({NameOf("watch_count_samples"),
                                      "[ALPHA] Watches that hear of what a request may change.",
                                      {"flow_schema", "priority_level"}},
                                     {0, 1, 10, 100, 1000, 10000})),
      queued_(registry.AddHistogram({NameOf("request_queue_length_after_enqueue"),
                                     "[ALPHA] How many wait in a queue that a request came to.",
                                     {"flow_schema", "priority_level"}},
                                    {0, 10, 25, 50, 100, 250, 500, 1000})) {
  AddFlows(registry, sources);
  AddLevels(registry, sources);
  AddProgress(registry, sources);
  AddOverTime(registry, sources);
}

void Figures::AddFlows(MetricRegistry& registry, const Sources& sources) {
  using Read = double (*)(const FlowFigures& flow);
  const auto add = [&](const char* name, const char* help, Read read, bool always,
                       MetricRegistry::MeasuredType type) {
    const auto measure = [flows = sources.flows, read, always] {
      std::vector<Sample> samples;
      for (const auto& flow : flows()) {
        const double value = read(*flow);
        if (always || value != 0) samples.push_back({{flow->schema, flow->level}, value});
      }
      return samples;
    };
    registry.AddMeasured({NameOf(name), help, {"flow_schema", "priority_level"}}, measure, type);
  };
  constexpr auto kGauge = MetricRegistry::MeasuredType::kGauge;
  add("dispatched_requests_total", "[BETA] Requests that were let in.",
      [](const FlowFigures& flow) { return static_cast<double>(flow.dispatched); }, false,
      MetricRegistry::MeasuredType::kCounter);
  add("current_executing_requests", "[BETA] Requests that are being worked on.",
      [](const FlowFigures& flow) { return static_cast<double>(flow.executing); }, true, kGauge);
  add("current_executing_seats", "[BETA] Seats of requests that are being worked on.",
      [](const FlowFigures& flow) { return static_cast<double>(flow.executing_seats); }, true,
      kGauge);
  add("request_concurrency_in_use", "[ALPHA] The same.",
      [](const FlowFigures& flow) { return static_cast<double>(flow.executing_seats); }, true,
      kGauge);
  add("current_inqueue_requests", "[BETA] Requests that wait for their turn.",
      [](const FlowFigures& flow) { return static_cast<double>(flow.waiting); }, true, kGauge);
  add("current_inqueue_seats", "[ALPHA] Seats that waiting requests will need.",
      [](const FlowFigures& flow) { return static_cast<double>(flow.waiting_seats); }, true,
      kGauge);
  add("request_dispatch_no_accommodation_total",
      "[ALPHA] How often there were no seats for the request that was next.",
      [](const FlowFigures& flow) { return static_cast<double>(flow.not_accommodated); }, false,
      MetricRegistry::MeasuredType::kCounter);
  const auto refused = [flows = sources.flows] {
    std::vector<Sample> samples;
    for (const auto& flow : flows()) {
      for (size_t i = 0; i < kRefusedReasons.size(); ++i) {
        const auto count = static_cast<double>(flow->refused[i]);
        if (count != 0) samples.push_back({{flow->schema, flow->level, kRefusedReasons[i]}, count});
      }
    }
    return samples;
  };
  registry.AddMeasured({NameOf("rejected_requests_total"), "[BETA] Requests that were refused.",
                        {"flow_schema", "priority_level", "reason"}},
                       refused, MetricRegistry::MeasuredType::kCounter);
}

void Figures::AddLevels(MetricRegistry& registry, const Sources& sources) {
  using Read = double (*)(const LevelFigures& level);
  const auto add = [&](const char* name, const char* help, Read read) {
    const auto measure = [levels = sources.levels, read] {
      std::vector<Sample> samples;
      for (const LevelFigures& level : levels()) samples.push_back({{level.name}, read(level)});
      return samples;
    };
    registry.AddMeasured({NameOf(name), help, {"priority_level"}}, measure);
  };
  add("nominal_limit_seats", "[BETA] Seats by configuration.",
      [](const LevelFigures& level) { return static_cast<double>(level.limits.nominal); });
  add("request_concurrency_limit", "[ALPHA] The same.",
      [](const LevelFigures& level) { return static_cast<double>(level.limits.nominal); });
  add("lower_limit_seats", "[ALPHA] Seats that are never lent.",
      [](const LevelFigures& level) { return static_cast<double>(level.limits.lower); });
  add("upper_limit_seats", "[ALPHA] Seats with all that may be borrowed.",
      [](const LevelFigures& level) { return static_cast<double>(level.limits.upper); });
  add("current_limit_seats", "[ALPHA] Seats at present.",
      [](const LevelFigures& level) { return static_cast<double>(level.seats); });
  add("target_seats", "[ALPHA] Seats that would be wanted.",
      [](const LevelFigures& level) { return level.target; });
  add("demand_seats_high_watermark", "[ALPHA] Most seats wanted at one time, of late.",
      [](const LevelFigures& level) { return level.wish.highest; });
  add("demand_seats_average", "[ALPHA] Seats wanted on average, of late.",
      [](const LevelFigures& level) { return level.wish.average; });
  add("demand_seats_stdev", "[ALPHA] The deviation of that.",
      [](const LevelFigures& level) { return level.wish.deviation; });
  add("demand_seats_smoothed", "[ALPHA] Seats wanted, rising at once and falling slowly.",
      [](const LevelFigures& level) { return level.wish.smoothed; });
  registry.AddMeasured(
      {NameOf("seat_fair_frac"), "[ALPHA] The part of its target that each level gets.", {}},
      [fraction = sources.fair_fraction] { return std::vector<Sample>{{{}, fraction()}}; });
}

void Figures::AddProgress(MetricRegistry& registry, const Sources& sources) {
  using Progress = QueueSet::Progress;
  const auto add = [&](const char* name, const char* help, double Progress::*value) {
    const auto measure = [over_time = sources.over_time, value] {
      std::vector<Sample> samples;
      for (const auto& level : over_time().levels) {
        samples.push_back({{level.name}, level.progress.*value});
      }
      return samples;
    };
    registry.AddMeasured({NameOf(name), help, {"priority_level"}}, measure);
  };
  add("current_r", "[ALPHA] Virtual time at the last change.", &Progress::current_r);
  add("dispatch_r", "[ALPHA] Virtual time when a request was last let go.", &Progress::dispatch_r);
  add("latest_s", "[ALPHA] Virtual start of the request that was last let go.",
      &Progress::latest_s);
  const auto add_bounds = [&](const char* name, const char* help, double Progress::*min,
                              double Progress::*max) {
    const auto measure = [over_time = sources.over_time, min, max] {
      std::vector<Sample> samples;
      for (const auto& level : over_time().levels) {
        samples.push_back({{"max", level.name}, level.progress.*max});
        samples.push_back({{"min", level.name}, level.progress.*min});
      }
      return samples;
    };
    registry.AddMeasured({NameOf(name), help, {"bound", "priority_level"}}, measure);
  };
  add_bounds("next_s_bounds", "[ALPHA] Virtual starts of those who wait first in their queues.",
             &Progress::next_s_min, &Progress::next_s_max);
  add_bounds("next_discounted_s_bounds",
             "[ALPHA] The same less what their queues are at work on.",
             &Progress::discounted_s_min, &Progress::discounted_s_max);
}

void Figures::AddOverTime(MetricRegistry& registry, const Sources& sources) {
  const auto labelled = [](HistogramSample sample, std::vector<std::string> labels) {
    sample.labels = std::move(labels);
    return sample;
  };
  const auto bounds = [](auto& array) {
    return std::vector<double>(std::begin(array), std::end(array));
  };
  const auto over_time = sources.over_time;
  registry.AddMeasuredHistogram(
      {NameOf("demand_seats"), "[ALPHA] Nanoseconds by the part of the nominal seats wanted.",
       {"priority_level"}},
      bounds(kDemandBounds), [over_time, labelled] {
        std::vector<HistogramSample> samples;
        for (auto& level : over_time().levels) {
          samples.push_back(labelled(level.demand, {level.name}));
        }
        return samples;
      });
  registry.AddMeasuredHistogram(
      {NameOf("priority_level_seat_utilization"),
       "[ALPHA] Nanoseconds by the part of the seats in use.", {"phase", "priority_level"}},
      bounds(kSeatUseBounds), [over_time, labelled] {
        std::vector<HistogramSample> samples;
        for (auto& level : over_time().levels) {
          samples.push_back(labelled(level.seat_use, {"executing", level.name}));
        }
        return samples;
      });
  registry.AddMeasuredHistogram(
      {NameOf("priority_level_request_utilization"),
       "[ALPHA] Nanoseconds by the part of the limit that requests come to.",
       {"phase", "priority_level"}},
      bounds(kRequestUseBounds), [over_time, labelled] {
        std::vector<HistogramSample> samples;
        for (auto& level : over_time().levels) {
          samples.push_back(labelled(level.executing, {"executing", level.name}));
          samples.push_back(labelled(level.waiting, {"waiting", level.name}));
        }
        return samples;
      });
  registry.AddMeasuredHistogram(
      {NameOf("read_vs_write_current_requests"),
       "[ALPHA] Nanoseconds by the part of the limit that requests of a kind come to.",
       {"phase", "request_kind"}},
      bounds(kReadWriteBounds), [over_time, labelled] {
        const auto all = over_time();
        return std::vector<HistogramSample>{
            labelled(all.writes_executing, {"executing", "mutating"}),
            labelled(all.reads_executing, {"executing", "readOnly"}),
            labelled(all.writes_waiting, {"waiting", "mutating"}),
            labelled(all.reads_waiting, {"waiting", "readOnly"})};
      });
}

}  // namespace skiff::flow_control
