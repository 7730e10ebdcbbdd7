// At which of its ports a Service is served by the addresses of its load balancer.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "api/gen/core_v1.h"

namespace skiff {

// The ports that its status tells. One that it asks for by now, and was not given yet, may be
// another's. Where the status tells none, as of most clouds, they are all served.
class BalancedPorts {
 public:
  explicit BalancedPorts(const core_v1::Service& service);
  bool Has(const core_v1::ServicePort& port) const;

 private:
  std::set<std::pair<std::string, int32_t>> told_;  // Protocol and number.
};

}  // namespace skiff
