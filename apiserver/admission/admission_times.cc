#include "apiserver/admission/admission_times.h"

#include <algorithm>
#include <vector>

#include "apiserver/admission/admission.h"
#include "apiserver/admission/rule_match.h"

namespace skiff {

void AdmissionTimes::TellTo(MetricRegistry& metrics) {
  const std::vector<double> bounds(kBounds.begin(), kBounds.end());
  metrics.AddMeasuredHistogram(
      {"apiserver_admission_step_admission_duration_seconds",
       "[STABLE] Time of all admission plugins together, in seconds.",
       {"type", "operation", "rejected"}},
      bounds, [this] {
        std::vector<HistogramSample> samples;
        Append("", all_, samples);
        return samples;
      });
  metrics.AddMeasuredHistogram(
      {"apiserver_admission_controller_admission_duration_seconds",
       "[STABLE] Time of one admission plugin, in seconds.",
       {"name", "type", "operation", "rejected"}},
      bounds, [this] {
        std::vector<HistogramSample> samples;
        for (const Plugin& plugin : plugins_) Append(plugin.name, plugin.rows, samples);
        return samples;
      });
}

void AdmissionTimes::Add(std::string_view plugin) {
  plugins_.emplace_back().name = plugin;
}

size_t AdmissionTimes::IndexOf(Type type, Operation operation, bool rejected) {
  static_assert(kOperations == skiff::kOperations);
  return (static_cast<size_t>(type) * kOperations + static_cast<size_t>(operation)) * 2 +
         static_cast<size_t>(rejected);
}

AdmissionTimes::Clock::time_point AdmissionTimes::Count(Row& row, Clock::time_point begin) {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - begin).count();
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin();
  row.counts[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  row.nanoseconds.fetch_add(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now - begin).count(),
      std::memory_order_relaxed);
  return now;
}

AdmissionTimes::Clock::time_point AdmissionTimes::CountPlugin(size_t plugin, Type type,
                                                              Operation operation, bool rejected,
                                                              Clock::time_point begin) const {
  return Count(plugins_[plugin].rows[IndexOf(type, operation, rejected)], begin);
}

void AdmissionTimes::CountAll(Type type, Operation operation, bool rejected,
                              Clock::time_point begin) const {
  Count(all_[IndexOf(type, operation, rejected)], begin);
}

void AdmissionTimes::Append(const std::string& name, const Rows& rows,
                            std::vector<HistogramSample>& samples) {
  for (const Type type : {Type::kAdmit, Type::kValidate}) {
    for (size_t operation = 0; operation < kOperations; ++operation) {
      for (const bool rejected : {false, true}) {
        const Row& row = rows[IndexOf(type, static_cast<Operation>(operation), rejected)];
        HistogramSample sample;
        uint64_t count = 0;
        for (const auto& each : row.counts) {
          count += each.load(std::memory_order_relaxed);
          sample.counts.push_back(static_cast<double>(each.load(std::memory_order_relaxed)));
        }
        if (count == 0) continue;
        if (!name.empty()) sample.labels.push_back(name);
        sample.labels.emplace_back(type == Type::kAdmit ? "admit" : "validate");
        sample.labels.emplace_back(OperationText(static_cast<Operation>(operation)));
        sample.labels.emplace_back(rejected ? "true" : "false");
        sample.sum = static_cast<double>(row.nanoseconds.load(std::memory_order_relaxed)) / 1e9;
        samples.push_back(std::move(sample));
      }
    }
  }
}

}  // namespace skiff
