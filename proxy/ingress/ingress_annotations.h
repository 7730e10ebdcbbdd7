// What the annotations of an Ingress say: how long its endpoints may take, and what is wrong with
// them or is not done. Pure.
#pragma once

#include <vector>

#include "proxy/ingress/ingress_plan.h"

namespace skiff::ingress {

struct IngressAnnotations {
  BackendTimes times;
  std::vector<IngressProblem> problems;
};

IngressAnnotations ReadAnnotations(const networking_v1::Ingress& ingress);

}  // namespace skiff::ingress
