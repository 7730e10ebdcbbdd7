// What a kubelet's /metrics/resource says, and what is used between two such looks. Pure.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace skiff::metrics {

struct ContainerName {
  std::string name_space;
  std::string pod;
  std::string container;
  auto operator<=>(const ContainerName&) const = default;
};

// What was counted until one moment.
struct Point {
  TimePoint at{};
  std::optional<double> cpu_seconds;  // Since its start.
  std::optional<int64_t> memory_bytes;
  std::optional<double> started_s;  // Since 1970.
};

// One look at a node.
struct Sample {
  Point node;
  std::map<ContainerName, Point> containers;
};

// Reads Prometheus' text format; lines of other metrics, such as cannot be read, and what is too
// much for a node are passed over. `now` is the time of those that have none.
Sample ParseSample(std::string_view text, TimePoint now);

struct Usage {
  int64_t nano_cores = 0;
  int64_t memory_bytes = 0;
  TimePoint at{};
  Duration window{};  // Over which the CPU was measured.
};

// nullopt: too little is known, or it has started anew between the two. Without `before` what it
// used since its start counts, if that is between ten seconds ago and `resolution`.
std::optional<Usage> UsageBetween(const Point* before, const Point& now, Duration resolution);

}  // namespace skiff::metrics
