// What a simulated node's kubelet says its pods take. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "client/client.h"
#include "kubelet/kubelet.h"
#include "kubelet/stats/measured.h"

namespace skiff::kubelet {

struct SimulatedContainer {
  Ptr<core_v1::Pod> pod;
  std::string name;
  TimePoint started_at{};
};

// /metrics/resource, in Prometheus' text format, of the containers that run.
std::string ResourceMetrics(const std::vector<SimulatedContainer>& containers, TimePoint now);
// The same for /stats/summary and /metrics/cadvisor.
MeasuredNode MeasureSimulated(const KubeletOptions& options,
                              const std::vector<SimulatedContainer>& containers, TimePoint now);

}  // namespace skiff::kubelet
