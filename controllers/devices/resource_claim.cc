// ResourceClaims for pods that name a template; reservations, allocations and claims go when the
// pods that needed them are done. Who allocates is the scheduler.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/codec/typed.h"
#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/devices/resource_claim_plan.h"
#include "controllers/figures.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::Pod;
using resource_v1::ResourceClaim;
using resource_v1::ResourceClaimTemplate;

using NameState = PodClaimName::State;

std::vector<ObjectKey> ResourceClaimKeysOf(const Pod& pod) {
  std::vector<ObjectKey> keys;
  const PodClaimNames names(pod);
  for (const auto& claim : pod.spec.resource_claims) {
    const auto known = names.Of(claim);
    if (known.state == NameState::kNamed) keys.push_back({pod.metadata.namespace_, known.name});
  }
  return keys;
}

const char* AdminLabel(const ResourceClaim& claim) {
  const bool is_admins = std::ranges::any_of(claim.spec.devices.requests, [](const auto& request) {
    return request.exactly && request.exactly->admin_access.value_or(false);
  });
  return is_admins ? "true" : "false";
}

std::vector<Sample> CountClaims(const Informer<ResourceClaim>& claims) {
  std::map<std::vector<std::string>, double> counts;
  for (const auto& claim : claims.List()) {
    const char* source = MadeForEntry(*claim).empty() ? "" : "resource_claim_template";
    ++counts[{claim->status.allocation ? "true" : "false", AdminLabel(*claim), source}];
  }
  std::vector<Sample> samples;
  for (const auto& [labels, count] : counts) samples.push_back({labels, count});
  return samples;
}

// Makes what pods ask for, and reserves it for those that no scheduler placed.
class PodResourceClaims final : public Reconciler<Pod> {
 public:
  PodResourceClaims(Manager& manager, MetricRegistry* metrics)
      : client_(manager.client()),
        status_client_(manager.client().transport(),
                       "kube-controller-manager/ResourceClaimController"),
        claims_(manager.informer<ResourceClaim>()),
        templates_(manager.informer<ResourceClaimTemplate>()),
        events_(manager.Recorder("resource_claim")),
        created_(metrics, {"resourceclaim_controller_creates_total",
                           "[ALPHA] ResourceClaims that were to be made for pods.",
                           {"status", "admin_access"}}) {
    if (metrics == nullptr) return;
    metrics->AddMeasured({"resourceclaim_controller_resource_claims",
                          "[ALPHA] ResourceClaims, and what they were made from.",
                          {"allocated", "admin_access", "source"}},
                         [claims = claims_] { return CountClaims(claims); });
  }

  Result<Requeue> Reconcile(const Pod& pod) override {
    if (pod.spec.resource_claims.empty()) return Requeue::None();
    if (pod.metadata.deletion_timestamp || IsDone(pod)) return Requeue::None();
    std::map<std::string, std::string> made;
    const PodClaimNames names(pod);
    const Orphans orphans = OrphansOf(pod);
    for (const auto& claim : pod.spec.resource_claims) {
      const auto done = Make(pod, claim, names.Of(claim), orphans, made);
      if (done) continue;
      if (IsNamespaceTerminating(done.error())) return Requeue::None();
      events_.Warning(pod, "FailedResourceClaimCreation",
                      fmt::format("PodResourceClaim {}: {}", claim.name, done.error().message));
      return Fail(done.error());
    }
    if (!made.empty()) {
      TRY(TellPod(pod, made));
      return Requeue::None();  // The status wakes us.
    }
    ForgetMade(KeyOf(pod));
    if (!pod.spec.node_name.empty()) TRY(Reserve(pod));
    return Requeue::None();
  }

  void Forget(const ObjectKey& key) override { ForgetMade(key); }

 private:
  // By entry of the spec, of those that the cache may not show yet.
  using MadeClaims = std::map<std::string, ResourceClaim>;
  // The names of those that the cache shows, by entry.
  using Orphans = std::map<std::string, std::string>;

  void ForgetMade(const ObjectKey& pod) {
    const MutexLock lock(mutex_);
    made_.erase(pod);
  }

  // Claims of the pod, of which it may not have been told.
  Orphans OrphansOf(const Pod& pod) const {
    Orphans orphans;
    for (const auto& claim : claims_.ControlledBy(pod.metadata)) {
      orphans.emplace(MadeForEntry(*claim), claim->metadata.name);
    }
    return orphans;
  }

  // Adds to `made` what the pod's status has to name.
  Result<> Make(const Pod& pod, const core_v1::PodResourceClaim& entry, const PodClaimName& known,
                const Orphans& orphans, std::map<std::string, std::string>& made) {
    if (known.state == NameState::kNotNeeded) return {};
    if (known.state == NameState::kNamed) {
      const auto claim = claims_.Get({pod.metadata.namespace_, known.name});
      if (claim && (!known.is_made || IsForPod(pod, *claim))) return {};
      // Made just now, and the cache lags.
      if (!claim && known.is_made && IsMade(pod, entry.name, known.name)) return {};
    }
    if (!entry.resource_claim_template_name) return {};
    if (const auto orphan = FindMade(pod, entry.name, orphans)) {
      made[entry.name] = *orphan;
      return {};
    }
    const std::string& name = *entry.resource_claim_template_name;
    const auto of = templates_.Get({pod.metadata.namespace_, name});
    if (!of) {
      return Fail(Reason::kNotFound,
                  fmt::format("resource claim template \"{0}\": "
                              "resourceclaimtemplate.resource.k8s.io \"{0}\" not found",
                              name));
    }
    const ResourceClaim wanted = ClaimFromTemplate(pod, entry.name, *of);
    auto created = client_.Create(wanted);
    created_.Add({created ? "success" : "failure", AdminLabel(wanted)});
    if (!created) {
      Error error = created.error();
      error.message = "create ResourceClaim : " + error.message;
      return Fail(std::move(error));
    }
    made[entry.name] = (*created)->metadata.name;
    const MutexLock lock(mutex_);
    made_[KeyOf(pod)][entry.name] = **created;
    return {};
  }

  bool IsMade(const Pod& pod, const std::string& entry, const std::string& name) {
    const MutexLock lock(mutex_);
    const auto& made = made_[KeyOf(pod)];
    const auto found = made.find(entry);
    return found != made.end() && found->second.metadata.name == name && IsUnseen(found->second);
  }

  bool IsUnseen(const ResourceClaim& claim) const {
    return claims_.cache().revision() < WrittenRevision(claim.metadata);
  }

  // One that was made before, when the pod could not be told of it.
  std::optional<std::string> FindMade(const Pod& pod, const std::string& entry,
                                      const Orphans& orphans) {
    if (const auto orphan = orphans.find(entry); orphan != orphans.end()) return orphan->second;
    const MutexLock lock(mutex_);
    const auto& made = made_[KeyOf(pod)];
    const auto found = made.find(entry);
    if (found == made.end() || !IsUnseen(found->second) || !IsForPod(pod, found->second)) {
      return std::nullopt;
    }
    return found->second.metadata.name;
  }

  // Those that it knows of are told with the new ones: what is not applied again is given up.
  Result<> TellPod(const Pod& pod, std::map<std::string, std::string> names) {
    for (const auto& status : pod.status.resource_claim_statuses) {
      if (status.resource_claim_name) names.emplace(status.name, *status.resource_claim_name);
    }
    Json statuses = Json::array();
    for (const auto& [entry, claim] : names) {
      statuses.push_back({{"name", entry}, {"resourceClaimName", claim}});
    }
    const Json wanted = {{"apiVersion", "v1"},
                         {"kind", "Pod"},
                         {"metadata", {{"name", pod.metadata.name}, {"uid", pod.metadata.uid}}},
                         {"status", {{"resourceClaimStatuses", std::move(statuses)}}}};
    TRY(status_client_.Patch(Pod::Info(), KeyOf(pod), PatchType::kApply, wanted, "status"));
    return {};
  }

  Result<> Reserve(const Pod& pod) {
    const PodClaimNames names(pod);
    for (const auto& entry : pod.spec.resource_claims) {
      const auto known = names.Of(entry);
      if (known.state != NameState::kNamed) continue;
      const auto claim = claims_.Get({pod.metadata.namespace_, known.name});
      if (!claim) return {};
      if (known.is_made) TRY(IsForPod(pod, *claim));
      if (!LacksReservation(pod, *claim)) continue;
      TRY(client_.PatchStatus(*claim,
                              [&](ResourceClaim& it) {
                                auto& user = it.status.reserved_for.emplace_back();
                                user.resource = "pods";
                                user.name = pod.metadata.name;
                                user.uid = pod.metadata.uid;
                              },
                              {.if_unchanged = true}));
    }
    return {};
  }

  Client& client_;
  Client status_client_;
  const Informer<ResourceClaim> claims_;
  const Informer<ResourceClaimTemplate> templates_;
  EventRecorder& events_;
  const FigureCounter created_;
  Mutex mutex_;
  std::map<ObjectKey, MadeClaims> made_ GUARDED_BY(mutex_);  // By pod.
};

// Takes reservations off those that are done, and what nobody uses with them.
class UnusedResourceClaims final : public Reconciler<ResourceClaim> {
 public:
  explicit UnusedResourceClaims(Manager& manager)
      : client_(manager.client()), pods_(manager.informer<Pod>()) {}

  Result<Requeue> Reconcile(const ResourceClaim& claim) override {
    std::vector<resource_v1::ResourceClaimConsumerReference> valid;
    for (const auto& user : claim.status.reserved_for) {
      if (!user.api_group.empty() || user.resource != "pods") {
        return Fail(Reason::kInvalid, fmt::format("unsupported ReservedFor entry: {} {}",
                                                  user.resource, user.name));
      }
      if (TRY(StillUses(claim.metadata.namespace_, user))) valid.push_back(user);
    }
    const bool is_unused = valid.empty();
    const ClaimCare care = CareFor(claim, valid.size());
    auto current = std::make_shared<const ResourceClaim>(claim);
    if (care.drop_reservations || care.deallocate) {
      current = TRY(client_.PatchStatus(*current,
                                        [&](ResourceClaim& it) {
                                          it.status.reserved_for = std::move(valid);
                                          if (care.deallocate) it.status.allocation.reset();
                                        },
                                        {.if_unchanged = true}));
    }
    if (care.release) {
      TRY(client_.Patch(*current,
                        [&](ResourceClaim& it) {
                          std::erase(it.metadata.finalizers, kClaimProtection);
                        },
                        {.if_unchanged = true}));
    }
    if (is_unused && !claim.metadata.deletion_timestamp) return RemoveIfDone(claim);
    return Requeue::None();
  }

 private:
  Result<bool> StillUses(const std::string& space,
                         const resource_v1::ResourceClaimConsumerReference& user) {
    const ObjectKey key = {space, user.name};
    if (const auto pod = pods_.Get(key)) return pod->metadata.uid == user.uid && !IsDone(*pod);
    // The cache may not show yet what the scheduler is placing.
    const auto live = client_.Get<Pod>(key);
    if (live) return (*live)->metadata.uid == user.uid;
    if (live.error().reason == Reason::kNotFound) return false;
    return Fail(live.error());
  }

  // One that was made for a pod which is still there, and will not need it. Of pods that are gone
  // the garbage collector takes it.
  Result<Requeue> RemoveIfDone(const ResourceClaim& claim) {
    const meta_v1::OwnerReference* owner = ControllerOf(claim.metadata);
    if (owner == nullptr || owner->api_version != "v1" || owner->kind != "Pod") {
      return Requeue::None();
    }
    const auto pod = pods_.Get({claim.metadata.namespace_, owner->name});
    if (!pod || (pod->metadata.uid == owner->uid && !IsDone(*pod))) return Requeue::None();
    const auto deleted = client_.Delete(claim);
    if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    return Requeue::None();
  }

  Client& client_;
  const Informer<Pod> pods_;
};

}  // namespace

void AddResourceClaimController(Manager& manager, MetricRegistry* metrics) {
  const auto pods = manager.informer<Pod>();
  pods.AddIndex("resource claim", [](const Pod& pod) {
    std::vector<std::string> keys;
    for (const ObjectKey& key : ResourceClaimKeysOf(pod)) keys.push_back(key.Text());
    return keys;
  });
  ControllerBuilder<Pod>(manager, "resourceclaim-controller")
      .Only([](const Pod& pod) { return !pod.spec.resource_claims.empty(); })
      .Owns<ResourceClaim>()
      .Watches<ResourceClaim>([pods](const ResourceClaim& claim) {
        std::vector<ObjectKey> keys;
        for (const auto& pod : pods.ByIndex("resource claim", KeyOf(claim).Text())) {
          keys.push_back(KeyOf(*pod));
        }
        return keys;
      })
      .Watches<ResourceClaimTemplate>([](const auto&) { return std::vector<ObjectKey>(); })
      .Workers(10)
      .Complete(std::make_unique<PodResourceClaims>(manager, metrics));
  ControllerBuilder<ResourceClaim>(manager, "resourceclaim-cleaner")
      .Watches<Pod>([](const Pod& pod) { return ResourceClaimKeysOf(pod); })
      .Workers(5)
      .Complete(std::make_unique<UnusedResourceClaims>(manager));
}

}  // namespace skiff
