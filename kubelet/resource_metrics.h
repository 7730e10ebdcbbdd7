// /metrics/resource: what the node and the containers that run have used, for who measures it
// again a little later. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kubelet/cri.h"

namespace skiff::kubelet {

struct NodeUse {
  std::optional<double> cpu_seconds;  // Since the machine's start.
  std::optional<int64_t> memory_bytes;
  std::optional<uint64_t> swap_bytes = {};
  TimePoint at{};
};

// In Prometheus' text format; samples have their time. Containers that do not run any more are left
// out, and what nobody has measured.
std::string ResourceMetricsText(const NodeUse& node, const std::vector<cri::Container>& running,
                                const std::vector<cri::ContainerStats>& stats);

// Of /proc/stat: the seconds that all processors together have worked. nullopt: it says nothing.
std::optional<double> CpuSecondsFrom(std::string_view proc_stat, long ticks_per_second);

}  // namespace skiff::kubelet
