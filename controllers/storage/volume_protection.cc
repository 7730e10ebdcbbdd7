// Claims in use by pods, volumes bound to claims, and the attribute classes of either are not
// deleted: a finalizer holds them.
#include <algorithm>
#include <memory>

#include "api/gen/storage_v1.h"
#include "base/mutex.h"
#include "client/reconciler.h"
#include "controllers/machinery/owner_graph.h"
#include "controllers/program.h"
#include "controllers/storage/claim_users.h"

namespace skiff {
namespace {

using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;

using storage_v1::VolumeAttributesClass;

constexpr std::string_view kClassFinalizer = "kubernetes.io/vac-protection";
constexpr std::string_view kClaimFinalizer = "kubernetes.io/pvc-protection";
constexpr std::string_view kVolumeFinalizer = "kubernetes.io/pv-protection";

template <Kind K>
Result<> Add(Client& client, const K& object, std::string_view finalizer) {
  TRY(client.Patch(object, [&](K& it) { it.metadata.finalizers.emplace_back(finalizer); },
                   {.if_unchanged = true}));
  return {};
}

template <Kind K>
Result<> Remove(Client& client, const K& object, std::string_view finalizer) {
  const auto done =
      client.Patch(object, [&](K& it) { std::erase(it.metadata.finalizers, finalizer); },
                   {.if_unchanged = true});
  if (!done && done.error().reason != Reason::kNotFound) return Fail(done.error());
  return {};
}

class ClaimProtection final : public Reconciler<PersistentVolumeClaim> {
 public:
  explicit ClaimProtection(Manager& manager)
      : client_(manager.client()), pods_(manager.informer<Pod>()) {}

  Result<Requeue> Reconcile(const PersistentVolumeClaim& claim) override {
    const bool held = HasFinalizer(claim.metadata, kClaimFinalizer);
    if (!claim.metadata.deletion_timestamp) {
      if (!held) TRY(Add(client_, claim, kClaimFinalizer));
      return Requeue::None();
    }
    if (!held) return Requeue::None();
    for (const auto& pod : pods_.ByIndex("claim", KeyOf(claim).Text())) {
      if (UsesClaim(*pod, claim)) return Requeue::None();  // Its deletion wakes us.
    }
    // The cache may not show a pod that was bound just now.
    const bool is_unused = TRY(IsUnused(claim));
    if (!is_unused) return Requeue::After(1s);
    TRY(Remove(client_, claim, kClaimFinalizer));
    return Requeue::None();
  }

 private:
  // By what the server says now, or said since the claim was to go.
  Result<bool> IsUnused(const PersistentVolumeClaim& claim) {
    {
      const MutexLock lock(mutex_);
      if (listed_ && listed_->RuleOut(claim)) return true;
    }
    const std::string& space = claim.metadata.namespace_;
    const TextList list = TRY(client_.ListText(Pod::Info(), {.namespace_ = space}));
    meta_v1::ObjectMeta at;
    at.resource_version = list.resource_version;
    auto users = std::make_shared<ListedClaimUsers>(space, WrittenRevision(at));
    bool is_used = false;
    for (const RawJson& item : list.items) {
      const auto pod = TRY(DecodeObject<Pod>(item.Text()));
      is_used |= UsesClaim(*pod, claim);
      users->Add(*pod);
    }
    const MutexLock lock(mutex_);
    listed_ = std::move(users);
    return !is_used;
  }

  Client& client_;
  const Informer<Pod> pods_;
  Mutex mutex_;
  std::shared_ptr<const ListedClaimUsers> listed_ GUARDED_BY(mutex_);  // Lately.
};

class VolumeProtection final : public Reconciler<PersistentVolume> {
 public:
  explicit VolumeProtection(Manager& manager) : client_(manager.client()) {}

  Result<Requeue> Reconcile(const PersistentVolume& volume) override {
    const bool held = HasFinalizer(volume.metadata, kVolumeFinalizer);
    if (!volume.metadata.deletion_timestamp) {
      if (!held) TRY(Add(client_, volume, kVolumeFinalizer));
    } else if (held && volume.status.phase != "Bound") {
      TRY(Remove(client_, volume, kVolumeFinalizer));
    }
    return Requeue::None();
  }

 private:
  Client& client_;
};

// The classes that a claim has, asks for, or is being changed to.
std::vector<ObjectKey> ClassesOf(const PersistentVolumeClaim& claim) {
  std::vector<ObjectKey> keys;
  const auto add = [&](const std::string& name) {
    if (!name.empty()) keys.push_back({"", name});
  };
  add(claim.spec.volume_attributes_class_name.value_or(""));
  add(claim.status.current_volume_attributes_class_name.value_or(""));
  if (claim.status.modify_volume_status) {
    add(claim.status.modify_volume_status->target_volume_attributes_class_name);
  }
  return keys;
}

std::vector<ObjectKey> ClassesOf(const PersistentVolume& volume) {
  const std::string name = volume.spec.volume_attributes_class_name.value_or("");
  if (name.empty()) return {};
  return {{"", name}};
}

template <Kind K>
bool AnyHas(const std::vector<Ptr<K>>& objects, const ObjectKey& key) {
  return std::any_of(objects.begin(), objects.end(), [&](const auto& object) {
    const auto keys = ClassesOf(*object);
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  });
}

class ClassProtection final : public Reconciler<VolumeAttributesClass> {
 public:
  explicit ClassProtection(Manager& manager)
      : client_(manager.client()),
        claims_(manager.informer<PersistentVolumeClaim>()),
        volumes_(manager.informer<PersistentVolume>()) {}

  Result<Requeue> Reconcile(const VolumeAttributesClass& object) override {
    const bool held = HasFinalizer(object.metadata, kClassFinalizer);
    if (!object.metadata.deletion_timestamp) {
      if (!held) TRY(Add(client_, object, kClassFinalizer));
      return Requeue::None();
    }
    if (!held) return Requeue::None();
    const ObjectKey key = KeyOf(object);
    // The end of what uses it wakes us.
    if (AnyHas(claims_.List(), key) || AnyHas(volumes_.List(), key)) return Requeue::None();
    // The caches may not show a claim that was made just now.
    const auto live = TRY(client_.List<PersistentVolumeClaim>());
    if (AnyHas(live, key)) return Requeue::After(1s);
    TRY(Remove(client_, object, kClassFinalizer));
    return Requeue::None();
  }

 private:
  Client& client_;
  const Informer<PersistentVolumeClaim> claims_;
  const Informer<PersistentVolume> volumes_;
};

}  // namespace

void AddVolumeAttributesClassProtection(Manager& manager) {
  ControllerBuilder<VolumeAttributesClass>(manager, "volumeattributesclass-protection-controller")
      .Watches<PersistentVolumeClaim>(
          [](const PersistentVolumeClaim& claim) { return ClassesOf(claim); })
      .Watches<PersistentVolume>([](const PersistentVolume& volume) { return ClassesOf(volume); })
      .Workers(1)
      .Complete(std::make_unique<ClassProtection>(manager));
}

void AddClaimProtection(Manager& manager) {
  AddPodClaimIndex(manager);
  ControllerBuilder<PersistentVolumeClaim>(manager, "persistentvolumeclaim-protection-controller")
      .Watches<Pod>([](const Pod& pod) {
        std::vector<ObjectKey> keys;
        for (const auto& volume : pod.spec.volumes) {
          if (volume.persistent_volume_claim) {
            keys.push_back({pod.metadata.namespace_, volume.persistent_volume_claim->claim_name});
          } else if (volume.ephemeral) {
            keys.push_back({pod.metadata.namespace_, pod.metadata.name + "-" + volume.name});
          }
        }
        return keys;
      })
      .Workers(1)
      .Complete(std::make_unique<ClaimProtection>(manager));
}

void AddVolumeProtection(Manager& manager) {
  ControllerBuilder<PersistentVolume>(manager, "persistentvolume-protection-controller")
      .Workers(1)
      .Complete(std::make_unique<VolumeProtection>(manager));
}

}  // namespace skiff
