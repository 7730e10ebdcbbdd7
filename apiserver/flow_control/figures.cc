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
                                       {1, 2, 4, 8, 16, 32, 64, 100})) {
  AddFlows(registry, sources);
  AddLevels(registry, sources);
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

}  // namespace skiff::flow_control
