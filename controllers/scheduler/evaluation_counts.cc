#include "controllers/scheduler/evaluation_counts.h"

#include <string>
#include <string_view>

namespace skiff::scheduler {

EvaluationCounts::EvaluationCounts(const Profile& profile) : profile_(profile) {
  using Counts = std::vector<std::atomic<uint64_t>>;
  for (const Point point : {kPreFilter, kFilter}) counts_[point] = Counts(profile.filters.size());
  for (const Point point : {kPreScore, kScore}) counts_[point] = Counts(profile.scores.size());
}

void EvaluationCounts::AppendTo(std::vector<Sample>& samples) const {
  constexpr std::array<const char*, kPoints> kNames = {"PreFilter", "Filter", "PreScore", "Score"};
  for (size_t point = 0; point < kPoints; ++point) {
    const bool is_of_filters = point == kPreFilter || point == kFilter;
    for (size_t place = 0; place < counts_[point].size(); ++place) {
      const uint64_t count = counts_[point][place].load(std::memory_order_relaxed);
      if (count == 0) continue;
      const std::string_view rule =
          is_of_filters ? profile_.filters[place].name : profile_.scores[place].name;
      samples.push_back(
          {{std::string(rule), kNames[point], profile_.name}, static_cast<double>(count)});
    }
  }
}

}  // namespace skiff::scheduler
