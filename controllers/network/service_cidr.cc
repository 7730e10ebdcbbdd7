// ServiceCIDRs: a finalizer holds each as long as a Service has an address of it alone, and its
// condition Ready tells the API server whether to give out more.
//
//   Ready True --deleted--> Ready False (Terminating) while addresses are left --> grace --> gone
#include "api/codec/typed.h"
#include "api/gen/networking_v1.h"
#include "api/pods/conditions.h"
#include "client/reconciler.h"
#include "controllers/machinery/owner_graph.h"
#include "controllers/network/service_cidr_plan.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using networking_v1::IPAddress;
using networking_v1::ServiceCIDR;

constexpr char kCidrManager[] = "service-cidr-controller";
constexpr std::string_view kCidrFinalizer = "networking.k8s.io/service-cidr-finalizer";
// API servers that have not heard of the deletion may still give out an address.
constexpr Duration kCidrGrace = 10s;

// Whether the API server made the IPAddress for a Service.
bool IsOfService(const meta_v1::ObjectMeta& address) {
  const auto manager = address.labels.find("ipaddress.kubernetes.io/managed-by");
  return manager != address.labels.end() && manager->second == "ipallocator.k8s.io";
}

class ServiceCidrs final : public Reconciler<ServiceCIDR> {
 public:
  explicit ServiceCidrs(Manager& manager)
      : client_(manager.client().transport(),
                std::string("kube-controller-manager/") + kCidrManager),
        clock_(manager.clock()),
        events_(manager.Recorder(kCidrManager)),
        cidrs_(manager.informer<ServiceCIDR>()),
        addresses_(manager.informers().Metadata(IPAddress::Info())) {}

  Result<Requeue> Reconcile(const ServiceCIDR& object) override {
    const bool held = HasFinalizer(object.metadata, kCidrFinalizer);
    if (object.metadata.deletion_timestamp) {
      if (!held) return Requeue::None();
      return LetGo(object);
    }
    if (!held) {
      TRY(client_.Patch(object,
                        [](ServiceCIDR& it) {
                          it.metadata.finalizers.emplace_back(kCidrFinalizer);
                        },
                        {.if_unchanged = true}));
    }
    const auto said = Say(object, "True", "", "Kubernetes Service CIDR is ready");
    if (said) return Requeue::None();
    events_.Warning(object, "KubernetesServiceCIDRError",
                    "The ServiceCIDR Status can not be set to Ready=True");
    return Fail(said.error());
  }

 private:
  Result<Requeue> LetGo(const ServiceCIDR& object) {
    if (!addresses_.synced()) return Requeue::After(1s);
    std::vector<ServiceCIDR> others;
    for (const auto& other : cidrs_.List()) {
      if (!other->metadata.deletion_timestamp) others.push_back(*other);
    }
    std::vector<std::string> addresses;
    for (const CachedObject& address : addresses_.List()) {
      if (IsOfService(*address.metadata)) addresses.push_back(address.metadata->name);
    }
    if (!CanGo(object, others, addresses)) {
      TRY(Say(object, "False", "Terminating",
              "There are still IPAddresses referencing the ServiceCIDR, please remove them or "
              "create a new ServiceCIDR"));
      return Requeue::None();  // What changes that wakes us.
    }
    const Duration wait = object.metadata.deletion_timestamp->point() + kCidrGrace - clock_.Now();
    if (wait > Duration(0)) return Requeue::After(wait);
    const auto done = client_.Patch(
        object, [](ServiceCIDR& it) { std::erase(it.metadata.finalizers, kCidrFinalizer); },
        {.if_unchanged = true});
    if (!done && done.error().reason != Reason::kNotFound) return Fail(done.error());
    return Requeue::None();
  }

  Result<> Say(const ServiceCIDR& object, const std::string& status, const std::string& reason,
               const std::string& message) {
    const auto* current = FindCondition(object.status.conditions, "Ready");
    if (current != nullptr && current->status == status && current->reason == reason &&
        current->message == message) {
      return {};
    }
    meta_v1::Condition ready;
    ready.type = "Ready";
    ready.status = status;
    ready.reason = reason;
    ready.message = message;
    ready.last_transition_time =
        Time(std::chrono::time_point_cast<std::chrono::seconds>(clock_.Now()));
    const Json wanted = {{"apiVersion", ServiceCIDR::Info().api_version},
                         {"kind", ServiceCIDR::Info().kind},
                         {"metadata", {{"name", object.metadata.name}}},
                         {"status", {{"conditions", Json::array({ToJson(ready)})}}}};
    const auto written = client_.Patch(ServiceCIDR::Info(), KeyOf(object), PatchType::kApply,
                                       wanted, "status");
    // It has just gone.
    if (!written && written.error().reason != Reason::kNotFound) return Fail(written.error());
    return {};
  }

  Client client_;
  const Clock& clock_;
  EventRecorder& events_;
  const Informer<ServiceCIDR> cidrs_;
  InformerCache& addresses_;
};

}  // namespace

void AddServiceCidrController(Manager& manager) {
  const auto cidrs = manager.informer<ServiceCIDR>();
  InformerCache& addresses = manager.informers().Metadata(IPAddress::Info());
  WorkQueue& queue =
      ControllerBuilder<ServiceCIDR>(manager, kCidrManager)
          // One that comes or goes may free or hold those that are being deleted.
          .Watches<ServiceCIDR>([cidrs](const ServiceCIDR& changed) {
            std::vector<ObjectKey> keys;
            for (const auto& cidr : cidrs.List()) {
              if (cidr->metadata.deletion_timestamp && Overlap(*cidr, changed)) {
                keys.push_back(KeyOf(*cidr));
              }
            }
            return keys;
          })
          .Workers(5)
          .Retry({.tries_max = 15})
          .Complete(std::make_unique<ServiceCidrs>(manager));
  addresses.OnChange([cidrs, &queue](const CachedObject& before, const CachedObject& now) {
    if (before && now) return;
    const meta_v1::ObjectMeta& metadata = now ? *now.metadata : *before.metadata;
    const auto address = ParseIp(metadata.name);
    if (!address || !IsOfService(metadata)) return;
    for (const auto& cidr : cidrs.List()) {
      if (cidr->metadata.deletion_timestamp && GivesOut(*cidr, *address)) queue.Add(KeyOf(*cidr));
    }
  });
}

}  // namespace skiff
