// Endpoints, the older form of EndpointSlices: one object a Service, one address family.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/network/endpoint_slice_plan.h"
#include "controllers/network/service_pods.h"
#include "controllers/network/trigger_times.h"
#include "controllers/program.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using core_v1::EndpointAddress;
using core_v1::Endpoints;
using core_v1::EndpointSubset;
using core_v1::Pod;
using core_v1::Service;

constexpr size_t kAddressesMax = 1000;
// Of all subsets together: pods may have as many numbers for the name of a port as there are pods.
constexpr size_t kPortsMax = 20'000;
// Places of pods that are kept for ports by name, a few bytes each.
constexpr size_t kNamedPairsMax = 1'000'000;
constexpr std::string_view kManagedBy = "endpoints.kubernetes.io/managed-by";
constexpr std::string_view kOverCapacity = "endpoints.kubernetes.io/over-capacity";
// When Endpoints of a Service that is gone could not be deleted, they are tried again after this.
constexpr Duration kDeletionRetry = 10s;
constexpr std::string_view kLeader = "control-plane.alpha.kubernetes.io/leader";

struct Address {
  EndpointAddress address;
  bool ready = false;
};

using SubsetPort = std::tuple<std::string, int32_t, std::string, std::string>;

core_v1::EndpointPort ToPort(const SubsetPort& key) {
  core_v1::EndpointPort port;
  std::tie(port.name, port.port, port.protocol, std::ignore) = key;
  if (!std::get<3>(key).empty()) port.app_protocol = std::get<3>(key);
  return port;
}

Address AddressFor(const Service& service, const Pod& pod, const std::string& ip) {
  Address entry;
  entry.address.ip = ip;
  entry.address.hostname = HostnameIn(pod, service);
  if (!pod.spec.node_name.empty()) entry.address.node_name = pod.spec.node_name;
  auto& target = entry.address.target_ref.Ensure();
  target.kind = "Pod";
  target.namespace_ = pod.metadata.namespace_;
  target.name = pod.metadata.name;
  target.uid = pod.metadata.uid;
  entry.ready = service.spec.publish_not_ready_addresses || IsReady(pod);
  return entry;
}

// Pods by their places in an order of all of them.
using Places = std::vector<size_t>;

// Which pods have the ports of a Service, and where. Ports that mean the same port of pods share
// what was found: of a thousand ports and a thousand pods there are a million pairs.
class PortPlaces {
 public:
  explicit PortPlaces(const std::vector<const Pod*>& pods) {
    for (size_t i = 0; i < pods.size(); ++i) {
      pods_.emplace_back(*pods[i]);
      all_.push_back(i);
    }
  }

  // By the port's number in them.
  std::map<int32_t, const Places*> Of(const core_v1::ServicePort& port) {
    std::map<int32_t, const Places*> found;
    if (!IsByName(port)) {
      if (!pods_.empty()) found[*pods_[0].NumberOf(port)] = &all_;
      return found;
    }
    const auto [named, is_new] = by_name_.try_emplace({port.target_port.text(), port.protocol});
    for (size_t i = 0; is_new && i < pods_.size(); ++i) {
      if (const auto number = pods_[i].NumberOf(port)) named->second[*number].push_back(i);
    }
    for (const auto& [number, places] : named->second) found[number] = &places;
    return found;
  }
  const Places& all() const { return all_; }

 private:
  std::vector<PodPorts> pods_;
  Places all_;
  std::map<std::pair<std::string, std::string>, std::map<int32_t, Places>> by_name_;
};

// Those of the pods with an address, by that and their uids.
std::map<std::string, const Pod*> InOrder(const Service& service, const std::vector<Ptr<Pod>>& pods,
                                          const std::string& family) {
  std::map<std::string, const Pod*> ordered;
  for (const auto& pod : pods) {
    const std::string ip = AddressOf(*pod, family);
    if (!CanServe(*pod) || ip.empty()) continue;
    if (pod->metadata.deletion_timestamp && !service.spec.publish_not_ready_addresses) continue;
    ordered[ip + "|" + pod->metadata.uid] = pod.get();
  }
  return ordered;
}

// A subset before anything is copied: of what is in it twice, an object may hold little.
struct Group {
  Places ready, others;
  std::vector<SubsetPort> ports;
};

// Ports that the same addresses listen on come together in one group. Those of the Service that
// there is no room for are left out; then `is_cut`.
std::vector<Group> Grouped(const Service& service, const std::vector<Address>& addresses,
                           PortPlaces& places, bool& is_cut) {
  const auto is_before = [](const Places* a, const Places* b) { return a != b && *a < *b; };
  std::map<const Places*, std::vector<SubsetPort>, decltype(is_before)> by_places(is_before);
  size_t ports = 0, pairs = 0;
  for (const auto& port : service.spec.ports) {
    is_cut = pairs > kNamedPairsMax;
    if (is_cut) break;
    const auto found = places.Of(port);
    is_cut = ports + found.size() > kPortsMax;
    if (is_cut) break;
    ports += found.size();
    for (const auto& [number, where] : found) {
      if (where != &places.all()) pairs += where->size();
      by_places[where].emplace_back(port.name, number, port.protocol,
                                    port.app_protocol.value_or(""));
    }
  }
  const bool is_portless = service.spec.ports.empty() && IsHeadless(service);
  if (is_portless && !addresses.empty()) by_places[&places.all()] = {};
  std::vector<Group> groups;
  for (auto& [where, list] : by_places) {
    Group& group = groups.emplace_back();
    for (const size_t place : *where) {
      (addresses[place].ready ? group.ready : group.others).push_back(place);
    }
    std::sort(list.begin(), list.end());
    group.ports = std::move(list);
  }
  return groups;
}

// Cuts addresses beyond the most that an object holds, ready ones last: of each group its share,
// rounded up, as long as there is room. True when it had to.
bool Truncate(std::vector<Group>& groups) {
  size_t ready = 0, others = 0;
  for (const auto& group : groups) {
    ready += group.ready.size();
    others += group.others.size();
  }
  if (ready + others <= kAddressesMax) return false;
  const bool are_all_ready = ready > kAddressesMax;
  const size_t kept = are_all_ready ? kAddressesMax : kAddressesMax - ready;
  const size_t total = are_all_ready ? ready : others;
  size_t room = kept;
  for (auto& group : groups) {
    auto& list = are_all_ready ? group.ready : group.others;
    const size_t share = (list.size() * kept + total - 1) / total;
    list.resize(std::min({list.size(), share, room}));
    room -= list.size();
    if (are_all_ready) group.others.clear();
  }
  // Nobody may write one of nothing.
  std::erase_if(groups,
                [](const Group& group) { return group.ready.empty() && group.others.empty(); });
  return true;
}

struct Made {
  std::vector<EndpointSubset> subsets;
  bool is_truncated = false;
};

Made MakeSubsets(const Service& service, const std::vector<Ptr<Pod>>& pods) {
  const std::string family = FamiliesOf(service)[0];
  std::vector<Address> addresses;
  std::vector<const Pod*> ordered;
  for (const auto& [id, pod] : InOrder(service, pods, family)) {
    addresses.push_back(AddressFor(service, *pod, AddressOf(*pod, family)));
    ordered.push_back(pod);
  }
  PortPlaces places(ordered);
  Made made;
  auto groups = Grouped(service, addresses, places, made.is_truncated);
  made.is_truncated |= Truncate(groups);
  for (const Group& group : groups) {
    EndpointSubset& subset = made.subsets.emplace_back();
    for (const size_t place : group.ready) subset.addresses.push_back(addresses[place].address);
    for (const size_t place : group.others) {
      subset.not_ready_addresses.push_back(addresses[place].address);
    }
    for (const SubsetPort& port : group.ports) subset.ports.push_back(ToPort(port));
  }
  return made;
}

std::map<std::string, std::string> LabelsOf(const Service& service) {
  auto labels = service.metadata.labels;
  labels.erase(std::string(kHeadless));
  if (IsHeadless(service)) labels[std::string(kHeadless)] = "";
  labels[std::string(kManagedBy)] = "endpoint-controller";
  return labels;
}

class EndpointsReconciler final : public Reconciler<Service> {
 public:
  explicit EndpointsReconciler(Manager& manager)
      : client_(manager.client()),
        pods_(manager.informer<Pod>()),
        endpoints_(manager.informer<Endpoints>()),
        events_(manager.Recorder("endpoint-controller")) {}
  void SetQueue(WorkQueue& queue) { queue_ = &queue; }

  Result<Requeue> Reconcile(const Service& service) override {
    if (!HasEndpoints(service)) return Requeue::None();
    // The event of what was written wakes the Service once the cache shows it.
    if (!endpoints_.cache().ShowsWritesOf(KeyOf(service))) return Requeue::None();
    const auto stored = endpoints_.Get(KeyOf(service));
    Endpoints wanted;
    if (stored) wanted = *stored;
    wanted.metadata.name = service.metadata.name;
    wanted.metadata.namespace_ = service.metadata.namespace_;
    wanted.metadata.labels = LabelsOf(service);
    const auto pods = PodsOf(service, pods_);
    const auto cause = trigger_times_.SinceLast(service, pods);
    Made made = MakeSubsets(service, pods);
    wanted.subsets = std::move(made.subsets);
    wanted.metadata.annotations.erase(std::string(kOverCapacity));
    if (made.is_truncated) {
      wanted.metadata.annotations[std::string(kOverCapacity)] = "truncated";
    }
    if (!stored || wanted != *stored) {
      SetTriggerTime(wanted.metadata, cause);
      const auto written = stored ? client_.Update(wanted) : client_.Create(wanted);
      if (!written && !IsNamespaceTerminating(written.error())) {
        return Report(wanted, stored != nullptr, written.error());
      }
      if (written) endpoints_.Wrote(**written);
    }
    trigger_times_.Written(KeyOf(service));
    return Requeue::None();
  }

  // The Service is gone: so are its Endpoints, unless they serve for leader election.
  void Forget(const ObjectKey& key) override {
    trigger_times_.Forget(key);
    const auto stored = endpoints_.Get(key);
    if (!stored || stored->metadata.annotations.contains(std::string(kLeader))) return;
    const auto deleted = client_.Delete(*stored);
    if (!deleted && deleted.error().reason != Reason::kNotFound) {
      log_.Info("endpoints not deleted", {{"service", key}, {"error", deleted.error().message}});
      queue_->AddAfter(key, kDeletionRetry);
    }
  }

 private:
  // As what was to be written has no uid before it is stored, neither has what is told of it.
  Result<Requeue> Report(const Endpoints& wanted, bool is_stored, const Error& error) {
    const auto& [namespace_, name] = KeyOf(wanted);
    if (!is_stored) {
      events_.Warning(wanted, "FailedToCreateEndpoint",
                      fmt::format("Failed to create endpoint for service {}/{}: {}", namespace_,
                                  name, error.message));
    } else if (error.reason != Reason::kConflict) {
      events_.Warning(
          wanted, "FailedToUpdateEndpoint",
          fmt::format("Failed to update endpoint {}/{}: {}", namespace_, name, error.message));
    }
    return Fail(error);
  }

  Client& client_;
  const Informer<Pod> pods_;
  const Informer<Endpoints> endpoints_;
  EventRecorder& events_;
  TriggerTimes trigger_times_;
  const Log log_{"endpoints"};
  WorkQueue* queue_ = nullptr;
};

}  // namespace

void AddEndpointsController(Manager& manager) {
  const auto services = manager.informer<Service>();
  auto reconciler = std::make_unique<EndpointsReconciler>(manager);
  EndpointsReconciler& endpoints_reconciler = *reconciler;
  WorkQueue& queue =
      ControllerBuilder<Service>(manager, "endpoints")
          .Watches<Endpoints>([services](const Endpoints& endpoints) {
            // Endpoints that somebody made before their Service are none of our business.
            const bool ours = endpoints.metadata.labels.contains(std::string(kManagedBy));
            std::vector<ObjectKey> keys;
            if (ours || services.Get(KeyOf(endpoints))) keys.push_back(KeyOf(endpoints));
            return keys;
          })
          .Watches<Pod>([services](const Pod& pod) { return ServicesSelecting(pod, services); },
                        SameForEndpoints)
          .Workers(5)
          .Retry({.tries_max = 15})
          .Complete(std::move(reconciler));
  endpoints_reconciler.SetQueue(queue);
}

}  // namespace skiff
