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

// The time of processors that all containers of a node have used. A counter that falls says that
// its machine was started anew, so those that have ended count with what they had used by the last
// time that somebody asked.
class SimulatedNodeUse {
 public:
  // `containers` are those that run now.
  double CoreSeconds(const std::vector<SimulatedContainer>& containers, TimePoint now);

 private:
  TimePoint at_{};  // When it was asked last.
  double core_seconds_ = 0;
};

// /metrics/resource, in Prometheus' text format, of the containers that run. `core_seconds` are the
// node's.
std::string ResourceMetrics(const std::vector<SimulatedContainer>& containers, TimePoint now,
                            double core_seconds);
// The same for /stats/summary and /metrics/cadvisor.
MeasuredNode MeasureSimulated(const KubeletOptions& options,
                              const std::vector<SimulatedContainer>& containers, TimePoint now,
                              double core_seconds);

}  // namespace skiff::kubelet
