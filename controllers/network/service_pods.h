// Which pods stand behind a Service and on which ports. Pure; shared by endpoints.cc and
// endpoint_slice.cc.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "client/informer.h"

namespace skiff {

// Whether this Service's endpoints are kept for it: it has a selector and is no ExternalName.
bool HasEndpoints(const core_v1::Service& service);
bool IsHeadless(const core_v1::Service& service);
// Whether a pod can be an endpoint of anything: it has an address and has not ended.
bool CanServe(const core_v1::Pod& pod);
// "IPv4" or "IPv6"; "" for what is no address.
std::string FamilyOf(const std::string& address);
// The families the Service is served in; both for a headless one that does not say.
std::vector<std::string> FamiliesOf(const core_v1::Service& service);
// The pod's first address of that family; "" when it has none.
std::string AddressOf(const core_v1::Pod& pod, const std::string& family);
// Whether a port of the Service means a port of a pod by its name: then it may be another number in
// each.
bool IsByName(const core_v1::ServicePort& port);
// The numbers that ports of Services mean in one pod, which outlives it.
class PodPorts {
 public:
  explicit PodPorts(const core_v1::Pod& pod) : pod_(pod) {}
  // nullopt when the pod has none of that name and protocol.
  std::optional<int32_t> NumberOf(const core_v1::ServicePort& port);

 private:
  void Name(const std::vector<core_v1::Container>& containers, bool sidecars_alone);
  const core_v1::Pod& pod_;
  bool are_named_ = false;
  // By name and protocol; of several the first.
  std::map<std::pair<std::string_view, std::string_view>, int32_t> named_;
};
// The name under which DNS shall find the pod in this Service; "" for none.
std::string HostnameIn(const core_v1::Pod& pod, const core_v1::Service& service);
// Whether a change between two versions of a pod concerns no Service.
bool SameForEndpoints(const core_v1::Pod& a, const core_v1::Pod& b);
// Keys of the Services that select the pod.
std::vector<ObjectKey> ServicesSelecting(const core_v1::Pod& pod,
                                         const Informer<core_v1::Service>& services);
// The cached pods that the Service selects, in the order of their names.
std::vector<Ptr<core_v1::Pod>> PodsOf(const core_v1::Service& service,
                                      const Informer<core_v1::Pod>& pods);

}  // namespace skiff
