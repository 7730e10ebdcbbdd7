// What a simulated node's kubelet says its pods take: as metrics, and as a summary. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "client/client.h"

namespace skiff::kubelet {

struct SimulatedContainer {
  Ptr<core_v1::Pod> pod;
  std::string name;
  TimePoint started_at{};
};

// /metrics/resource, in Prometheus' text format, of the containers that run.
std::string ResourceMetrics(const std::vector<SimulatedContainer>& containers, TimePoint now);
// /stats/summary
Json StatsSummary(const std::string& node_name, int64_t node_memory_bytes,
                  const std::vector<SimulatedContainer>& containers, TimePoint now);

}  // namespace skiff::kubelet
