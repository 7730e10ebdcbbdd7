// Packs a Service's endpoints into EndpointSlices with as few writes as possible. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "client/client.h"
#include "controllers/network/service_pods.h"

namespace skiff {

using SlicePorts = std::vector<discovery_v1::EndpointPort>;

// Endpoints that listen on the same ports.
struct EndpointGroup {
  SlicePorts ports;
  std::vector<discovery_v1::Endpoint> endpoints;
};

struct SliceChanges {
  std::vector<discovery_v1::EndpointSlice> create;
  std::vector<discovery_v1::EndpointSlice> update;
  std::vector<Ptr<discovery_v1::EndpointSlice>> remove;
  std::vector<Ptr<discovery_v1::EndpointSlice>> keep;  // As they are.
};

// The slices of one address family; `existing` are this controller's slices of the Service. Hints
// are none of its business: what is kept has those that it had.
SliceChanges PlanSlices(const core_v1::Service& service, const std::string& family,
                        const std::vector<Ptr<discovery_v1::EndpointSlice>>& existing,
                        const std::vector<EndpointGroup>& groups, size_t endpoints_max);

// What the endpoint of a pod looks like; without addresses when it has none of the family.
discovery_v1::Endpoint EndpointOf(const core_v1::Service& service, const core_v1::Pod& pod,
                                  const std::string& family, const std::string& zone);
// Endpoints of a Service, which outlives it, by the ports that their pods have.
class EndpointGroups {
 public:
  explicit EndpointGroups(const core_v1::Service& service);
  void Add(const core_v1::Pod& pod, discovery_v1::Endpoint endpoint);
  std::vector<EndpointGroup> Take() { return std::move(groups_); }

 private:
  SlicePorts PortsOf(PodPorts& pod) const;
  const core_v1::Service& service_;
  std::vector<const core_v1::ServicePort*> by_name_;  // Only these may differ from pod to pod.
  std::vector<EndpointGroup> groups_;
  std::map<std::vector<int32_t>, size_t> places_;  // By the numbers of those.
};
// Labels that this controller's slices of the Service carry.
std::map<std::string, std::string> SliceLabels(const core_v1::Service& service);

inline constexpr std::string_view kServiceName = "kubernetes.io/service-name";
inline constexpr std::string_view kSliceManagedBy = "endpointslice.kubernetes.io/managed-by";
inline constexpr std::string_view kSliceController = "endpointslice-controller.k8s.io";
inline constexpr std::string_view kHeadless = "service.kubernetes.io/headless";

}  // namespace skiff
