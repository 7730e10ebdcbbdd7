// /stats/summary: what was measured as the kubelet's document. Pure.
#pragma once

#include "api/codec/json.h"
#include "kubelet/stats/measured.h"

namespace skiff::kubelet {

struct SummaryOptions {
  bool only_cpu_and_memory = false;
};

Json SummaryOf(const MeasuredNode& node, SummaryOptions options);

}  // namespace skiff::kubelet
