// How addresses and node ports were given to Services, under kube-apiserver's names.
#pragma once

#include <string_view>

#include "base/metrics.h"

namespace skiff {

// Thread-safe.
class AllocationCounts {
 public:
  // Who chose the number: nobody, or the Service itself.
  enum class Scope { kDynamic, kStatic };

  explicit AllocationCounts(MetricRegistry& registry);
  // One of that range was taken, or could not be.
  void Address(std::string_view cidr, Scope scope, bool is_taken);
  void Port(Scope scope, bool is_taken);

 private:
  CounterFamily& addresses_;
  CounterFamily& refused_addresses_;
  CounterFamily& ports_;
  CounterFamily& refused_ports_;
};

}  // namespace skiff
