#include "controllers/network/service_load_balancer.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "api/gen/discovery_v1.h"
#include "api/gen/networking_v1.h"
#include "api/rules/network/ingress_claim.h"
#include "base/mutex.h"
#include "client/reconciler.h"
#include "controllers/nodes/node_health.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Pod;
using core_v1::Service;
using discovery_v1::EndpointSlice;
using networking_v1::Ingress;
using networking_v1::IngressClass;

constexpr Duration kListenedPause = 5s;  // Nobody tells when a program lets its port go.
constexpr char kServiceName[] = "kubernetes.io/service-name";
constexpr char kLocalSlices[] = "load-balanced-service";
constexpr char kPorts[] = "ports-of-nodes";  // Whatever is found by them: "TCP/80".

std::vector<std::string> ServiceOf(const EndpointSlice& slice) {
  const auto label = slice.metadata.labels.find(kServiceName);
  if (label == slice.metadata.labels.end()) return {};
  return {slice.metadata.namespace_ + "/" + label->second};
}

template <typename Ports>
std::vector<std::string> TextsOf(const Ports& ports) {
  std::vector<std::string> texts;
  for (const NodePort& port : ports) texts.push_back(PortText(port));
  return texts;
}

std::set<NodePort> PortsHeldBy(const Pod& pod) {
  std::map<NodePort, std::string> held;
  AddHostPorts(pod, held);
  std::set<NodePort> ports;
  for (const auto& [port, holder] : held) ports.insert(port);
  return ports;
}

bool HoldAlike(const Pod& a, const Pod& b) {
  return a.metadata.uid == b.metadata.uid && PortsHeldBy(a) == PortsHeldBy(b);
}

std::set<NodePort> PortsServedAt(const Ingress& ingress) {
  std::set<NodePort> ports;
  for (const auto& at : ingress.status.load_balancer.ingress) {
    for (const auto& port : at.ports) ports.emplace(port.protocol, port.port);
  }
  return ports;
}

// Who claims one of `ports`, who claims one of those', and so on. Adds all their ports.
std::vector<Ptr<Service>> ClaimantsAround(const Informer<Service>& services,
                                          std::set<NodePort>& ports) {
  std::vector<Ptr<Service>> claimants;
  std::vector<NodePort> open(ports.begin(), ports.end());
  std::set<ObjectKey> found;
  while (!open.empty()) {
    const std::string port = PortText(open.back());
    open.pop_back();
    for (const auto& other : services.ByIndex(kPorts, port)) {
      if (!found.insert(KeyOf(*other)).second) continue;
      claimants.push_back(other);
      for (const NodePort& more : ClaimedPorts(*other)) {
        if (ports.insert(more).second) open.push_back(more);
      }
    }
  }
  return claimants;
}

// The first one tells the ports, which are the same at all: a Service may have thousands.
std::vector<core_v1::LoadBalancerIngress> IngressOf(const std::vector<std::string>& addresses,
                                                    const Service& service) {
  std::vector<core_v1::LoadBalancerIngress> ingress;
  for (const std::string& address : addresses) {
    auto& entry = ingress.emplace_back();
    entry.ip = address;
    entry.ip_mode = "VIP";
  }
  if (ingress.empty()) return ingress;
  for (const auto& port : service.spec.ports) {
    auto& told = ingress.front().ports.emplace_back();
    told.port = port.port;
    told.protocol = port.protocol.empty() ? "TCP" : port.protocol;
  }
  return ingress;
}

bool HaveSameHosts(const std::vector<core_v1::LoadBalancerIngress>& a,
                   const std::vector<core_v1::LoadBalancerIngress>& b) {
  return std::ranges::equal(a, b, {}, &core_v1::LoadBalancerIngress::ip,
                            &core_v1::LoadBalancerIngress::ip);
}

// How often it has changed who claims which ports. What was worked out of them is good until then.
using Changes = std::shared_ptr<std::atomic<uint64_t>>;

class ServiceLoadBalancerReconciler final : public Reconciler<Service> {
 public:
  ServiceLoadBalancerReconciler(Manager& manager, ServiceLoadBalancerOptions options,
                                Changes changes)
      : options_(std::move(options)),
        changes_(std::move(changes)),
        clock_(manager.clock()),
        client_(manager.client()),
        services_(manager.informer<Service>()),
        nodes_(manager.informer<Node>()),
        pods_(manager.informer<Pod>()),
        slices_(manager.informer<EndpointSlice>()),
        ingresses_(manager.informer<Ingress>()),
        classes_(manager.informer<IngressClass>()),
        events_(manager.Recorder("service-controller")) {}

  Result<Requeue> Reconcile(const Service& service) override {
    const bool has_addresses = !service.status.load_balancer.ingress.empty();
    if (service.spec.type != "LoadBalancer" && has_addresses) {
      events_.Normal(service, "DeletingLoadBalancer", "Deleting load balancer");
      TRY(Write(service, {}));
      events_.Normal(service, "DeletedLoadBalancer", "Deleted load balancer");
      return Requeue::None();
    }
    if (!IsNodeLoadBalancer(service)) return Requeue::None();
    const Conflict conflict = PortConflictOf(service);
    const LoadBalancerPlan plan = PlanLoadBalancer(service, NodesFor(service), conflict.text);
    const Requeue next = conflict.is_listened ? Requeue::After(kListenedPause) : Requeue::None();
    TellTrouble(service, plan);
    auto wanted = IngressOf(plan.addresses, service);
    if (wanted == service.status.load_balancer.ingress) return next;
    const bool none_left = wanted.empty();
    const bool same_hosts = HaveSameHosts(wanted, service.status.load_balancer.ingress);
    TRY(Write(service, std::move(wanted)));
    if (!has_addresses) {
      events_.Normal(service, "EnsuredLoadBalancer", "Ensured load balancer");
    } else if (!none_left && !same_hosts) {
      events_.Normal(service, "UpdatedLoadBalancer", "Updated load balancer with new hosts");
    }
    return next;
  }

  void Forget(const ObjectKey& key) override {
    const MutexLock lock(mutex_);
    told_.erase(key);
  }

 private:
  // Why a Service cannot have its ports, in which version, and seen when.
  struct Conflict {
    std::string version;
    std::string text;
    TimePoint seen;
    bool is_listened = false;  // Something listens at one of them.
  };

  // All who want the same ports are looked at each time one of them may have them, and there may be
  // any number: it is worked out once for all of them.
  Conflict PortConflictOf(const Service& service) {
    const uint64_t changes = *changes_;
    const TimePoint now = clock_.Now();
    const std::string name = service.metadata.namespace_ + "/" + service.metadata.name;
    {
      const MutexLock lock(mutex_);
      const auto known = conflicts_.find(name);
      const bool is_known = conflicts_at_ == changes && known != conflicts_.end() &&
                            known->second.version == service.metadata.resource_version;
      const bool is_old =
          is_known && known->second.is_listened && now - known->second.seen >= kListenedPause;
      if (is_known && !is_old) return known->second;
    }
    const LoadBalancerWorld claims = ClaimsAround(service);
    auto texts = PortConflictsOf(claims);
    const MutexLock lock(mutex_);
    if (conflicts_at_ != changes) conflicts_.clear();
    conflicts_at_ = changes;
    for (const auto& other : claims.services) {
      const std::string of = other->metadata.namespace_ + "/" + other->metadata.name;
      const std::string& text = texts[of];
      const auto is_listened = [&](const NodePort& port) { return claims.listened.contains(port); };
      const std::set<NodePort> ports = ClaimedPorts(*other);
      conflicts_[of] = {other->metadata.resource_version, text, now,
                        !text.empty() && std::any_of(ports.begin(), ports.end(), is_listened)};
    }
    return conflicts_[name];
  }

  LoadBalancerWorld ClaimsAround(const Service& service) const {
    LoadBalancerWorld world;
    std::set<NodePort> ports = ClaimedPorts(service);
    world.services = ClaimantsAround(services_, ports);
    world.taken = options_.reserved;
    if (options_.listened) world.listened = options_.listened();
    for (const NodePort& port : ports) {
      AddIngressAt(port, world.ingresses);
      for (const auto& pod : pods_.ByIndex(kPorts, PortText(port))) {
        AddHostPorts(*pod, world.host_ports);
      }
    }
    return world;
  }

  LoadBalancerWorld NodesFor(const Service& service) const {
    LoadBalancerWorld world;
    world.nodes = nodes_.List();
    const std::string name = service.metadata.namespace_ + "/" + service.metadata.name;
    for (const auto& slice : slices_.ByIndex(kLocalSlices, name)) {
      for (const auto& endpoint : slice->endpoints) {
        if (!endpoint.conditions.ready.value_or(true) || !endpoint.node_name) continue;
        world.nodes_with_endpoints[name].insert(*endpoint.node_name);
      }
    }
    return world;
  }

  void AddIngressAt(const NodePort& port, std::map<NodePort, PortIngress>& at) const {
    if (options_.ingress_controller.empty()) return;
    const IngressClaim served(options_.ingress_controller, classes_.List());
    for (const auto& ingress : ingresses_.ByIndex(kPorts, PortText(port))) {
      if (!served.Has(*ingress)) continue;
      const Time& created = ingress->metadata.creation_timestamp;
      const auto known = at.find(port);
      if (known != at.end() && known->second.created <= created) continue;
      at[port] = {ingress->metadata.namespace_ + "/" + ingress->metadata.name, created};
    }
  }

  Result<> Write(const Service& service, std::vector<core_v1::LoadBalancerIngress> ingress) {
    TRY(client_.PatchStatus(
        service, [&](Service& it) { it.status.load_balancer.ingress = std::move(ingress); },
        {.if_unchanged = true}));
    return {};
  }

  // Says why the Service waits, once for each reason.
  void TellTrouble(const Service& service, const LoadBalancerPlan& plan) {
    const std::string trouble = plan.no_nodes ? "no nodes" : plan.port_conflict;
    {
      const MutexLock lock(mutex_);
      std::string& told = told_[KeyOf(service)];
      if (told == trouble) return;
      told = trouble;
    }
    if (plan.no_nodes) {
      events_.Warning(service, "UnAvailableLoadBalancer",
                      "There are no available nodes for LoadBalancer");
    } else if (!trouble.empty()) {
      events_.Warning(service, "SyncLoadBalancerFailed", "Error syncing load balancer: " + trouble);
    }
  }

  const ServiceLoadBalancerOptions options_;
  const Changes changes_;
  const Clock& clock_;
  Client& client_;
  const Informer<Service> services_;
  const Informer<Node> nodes_;
  const Informer<Pod> pods_;
  const Informer<EndpointSlice> slices_;
  const Informer<Ingress> ingresses_;
  const Informer<IngressClass> classes_;
  EventRecorder& events_;
  Mutex mutex_;
  // The trouble that was last told of each Service that waits, "" for none.
  std::map<ObjectKey, std::string> told_ GUARDED_BY(mutex_);
  // By "namespace/name".
  std::map<std::string, Conflict> conflicts_ GUARDED_BY(mutex_);
  uint64_t conflicts_at_ GUARDED_BY(mutex_) = 0;  // Of `changes_`.
};

}  // namespace

void AddServiceLoadBalancer(Manager& manager, const ServiceLoadBalancerOptions& options) {
  const auto services = manager.informer<Service>();
  services.AddIndex(kPorts, [](const Service& service) { return TextsOf(ClaimedPorts(service)); });
  manager.informer<EndpointSlice>().AddIndex(kLocalSlices, ServiceOf);
  manager.informer<Pod>().AddIndex(
      kPorts, [](const Pod& pod) { return TextsOf(PortsHeldBy(pod)); });
  const auto ingresses = manager.informer<Ingress>();
  ingresses.AddIndex(
      kPorts, [](const Ingress& ingress) { return TextsOf(PortsServedAt(ingress)); });
  const auto changes = std::make_shared<std::atomic<uint64_t>>(1);
  const auto claimants = [services, changes](std::set<NodePort> ports) {
    std::vector<ObjectKey> keys;
    if (ports.empty()) return keys;
    ++*changes;
    for (const auto& service : ClaimantsAround(services, ports)) {
      if (IsNodeLoadBalancer(*service)) keys.push_back(KeyOf(*service));
    }
    return keys;
  };
  const auto all = [services](const Node&) {
    std::vector<ObjectKey> keys;
    for (const auto& service : services.List()) {
      if (IsNodeLoadBalancer(*service)) keys.push_back(KeyOf(*service));
    }
    return keys;
  };
  ControllerBuilder<Service>(manager, "service-load-balancer")
      // Who takes or frees a port concerns those who want it, and those who want their other ports:
      // one that waits may keep these, or no longer, without a change of its status.
      .Watches<Service>(
          [claimants](const Service& service) { return claimants(ClaimedPorts(service)); },
          ClaimAlike)
      .Watches<Ingress>(
          [claimants](const Ingress& ingress) { return claimants(PortsServedAt(ingress)); })
      // Which Ingresses are served at all; and it has to be there before anybody is given a port.
      .Watches<IngressClass>([claimants, ingresses](const IngressClass& named) {
        std::set<NodePort> ports;
        for (const auto& ingress : ingresses.List()) {
          const std::string name = ClassOfIngress(*ingress);
          if (!name.empty() && name != named.metadata.name) continue;
          ports.merge(PortsServedAt(*ingress));
        }
        return claimants(std::move(ports));
      })
      .Watches<Node>(all, ServeAlike)
      .Watches<Pod>([claimants](const Pod& pod) { return claimants(PortsHeldBy(pod)); }, HoldAlike)
      .Watches<EndpointSlice>([services](const EndpointSlice& slice) {
        std::vector<ObjectKey> keys;
        for (const std::string& name : ServiceOf(slice)) {
          const ObjectKey key = {slice.metadata.namespace_, name.substr(name.find('/') + 1)};
          const auto service = services.Get(key);
          if (service && service->spec.external_traffic_policy == "Local") keys.push_back(key);
        }
        return keys;
      })
      .Workers(1)
      .Complete(std::make_unique<ServiceLoadBalancerReconciler>(manager, options, changes));
}

}  // namespace skiff
