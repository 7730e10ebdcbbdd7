// /metrics/cadvisor: what was measured under cAdvisor's names, in Prometheus' text format. Pure.
#pragma once

#include <string>

#include "kubelet/stats/measured.h"

namespace skiff::kubelet {

std::string CadvisorText(const MeasuredNode& node);

}  // namespace skiff::kubelet
