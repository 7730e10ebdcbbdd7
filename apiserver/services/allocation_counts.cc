#include "apiserver/services/allocation_counts.h"

#include "apiserver/services/service_allocation.h"

namespace skiff {
namespace {

std::string_view TextOf(AllocationCounts::Scope scope) {
  return scope == AllocationCounts::Scope::kDynamic ? "dynamic" : "static";
}

}  // namespace

AllocationCounts::AllocationCounts(MetricRegistry& registry)
    : addresses_(registry.AddCounter({"kube_apiserver_clusterip_allocator_allocation_total",
                                      "[ALPHA] Addresses that Services were given.",
                                      {"cidr", "scope"}})),
      refused_addresses_(
          registry.AddCounter({"kube_apiserver_clusterip_allocator_allocation_errors_total",
                               "[ALPHA] Addresses that they could not be given.",
                               {"cidr", "scope"}})),
      ports_(registry.AddCounter({"kube_apiserver_nodeport_allocator_allocation_total",
                                  "[ALPHA] Ports of nodes that Services were given.",
                                  {"scope"}})),
      refused_ports_(
          registry.AddCounter({"kube_apiserver_nodeport_allocator_allocation_errors_total",
                               "[ALPHA] Ports of nodes that they could not be given.",
                               {"scope"}})) {}

void AllocationCounts::Address(std::string_view cidr, Scope scope, bool is_taken) {
  (is_taken ? addresses_ : refused_addresses_).Add({cidr, TextOf(scope)});
}

void AllocationCounts::Port(Scope scope, bool is_taken) {
  (is_taken ? ports_ : refused_ports_).Add({TextOf(scope)});
}

void ServiceAllocation::ShowNumbers() {
  if (!counts_) return;
  Numbers numbers{ranges_.Uses(), ports_.taken(), ports_.left()};
  const MutexLock lock(numbers_mutex_);
  numbers_ = std::move(numbers);
}

ServiceAllocation::Numbers ServiceAllocation::NumbersShown() const {
  const MutexLock lock(numbers_mutex_);
  return numbers_;
}

void ServiceAllocation::AddMetrics(MetricRegistry& registry) {
  counts_ = std::make_unique<AllocationCounts>(registry);
  {
    const MutexLock lock(mutex_);
    ShowNumbers();
  }
  const auto add_addresses = [&](const char* name, const char* help,
                                 uint64_t AddressRanges::Use::*number) {
    registry.AddMeasured({name, help, {"cidr"}}, [this, number] {
      std::vector<Sample> samples;
      for (const auto& use : NumbersShown().ranges) {
        samples.push_back({{use.cidr}, static_cast<double>(use.*number)});
      }
      return samples;
    });
  };
  add_addresses("kube_apiserver_clusterip_allocator_allocated_ips",
                "[ALPHA] Addresses of a range that are taken.", &AddressRanges::Use::taken);
  add_addresses("kube_apiserver_clusterip_allocator_available_ips",
                "[ALPHA] Addresses of a range that are free.", &AddressRanges::Use::left);
  const auto add_ports = [&](const char* name, const char* help, uint64_t Numbers::*number) {
    registry.AddMeasured({name, help}, [this, number] {
      return std::vector<Sample>{{{}, static_cast<double>(NumbersShown().*number)}};
    });
  };
  add_ports("kube_apiserver_nodeport_allocator_allocated_ports",
            "[ALPHA] Ports of nodes that are taken.", &Numbers::ports_taken);
  add_ports("kube_apiserver_nodeport_allocator_available_ports",
            "[ALPHA] Ports of nodes that are free.", &Numbers::ports_left);
}

}  // namespace skiff
