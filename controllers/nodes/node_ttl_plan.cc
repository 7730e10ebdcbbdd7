#include "controllers/nodes/node_ttl_plan.h"

#include <limits>

namespace skiff {
namespace {

struct TtlStep {
  size_t nodes_min;
  size_t nodes_max;
  int seconds;
};
constexpr TtlStep kTtlSteps[] = {{0, 100, 0},
                           {90, 500, 15},
                           {450, 1000, 30},
                           {900, 2000, 60},
                           {1800, std::numeric_limits<size_t>::max(), 300}};

}  // namespace

void NodeTtl::Resize(size_t nodes) {
  while (nodes > kTtlSteps[step_].nodes_max) ++step_;
  while (nodes < kTtlSteps[step_].nodes_min) --step_;
}

int NodeTtl::seconds() const {
  return kTtlSteps[step_].seconds;
}

}  // namespace skiff
