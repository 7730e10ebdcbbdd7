// What a controller author writes. Cache, queue, back-off and workers belong to the Manager.
//
//   void AddCronJobController(Manager& manager) {
//     ControllerBuilder<CronJob>(manager, "cronjob").Owns<Job>().Complete(
//         std::make_unique<CronJobReconciler>(manager));
//   }
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/manager.h"

namespace skiff {

// Drives one kind of object towards its spec. Reconcile runs after any change to the object or to
// what it owns; changes coalesce, and one key is never run twice at once. It is told what is, not
// what happened: compare, act, and a second call does nothing. The cache may lag your own writes.
template <Kind K>
class Reconciler {
 public:
  virtual ~Reconciler() = default;
  // An error is logged, the same one once in a while, and the key retried with back-off; Conflict
  // silently.
  virtual Result<Requeue> Reconcile(const K& object) = 0;
  virtual void Forget(const ObjectKey&) {}  // It is gone; drop what you keep about it.
};

// Everything is wired up by Complete.
template <Kind K>
class ControllerBuilder {
 public:
  // Which keys of K a change to the other object concerns.
  template <typename Other>
  using MapToKeys = std::function<std::vector<ObjectKey>(const Other& other)>;

  // `name` as in kube-controller-manager's --controllers: "replicaset".
  ControllerBuilder(Manager& manager, std::string name)
      : manager_(manager), controller_(manager.NewController(std::move(name))) {
    controller_->SetPrimary(manager_.informers().For<K>().cache());
  }
  // A change to a K wakes it only where this says that there is something to do for it, before or
  // after the change. Any thread.
  ControllerBuilder& Only(std::function<bool(const K& object)> concerns) {
    controller_->concerns = [concerns = std::move(concerns)](const CachedObject& object) {
      return concerns(*static_cast<const K*>(object.object.get()));
    };
    return *this;
  }
  // A change to an Owned wakes the K that controls it.
  template <Kind Owned>
  ControllerBuilder& Owns() {
    controller_->WakeOwners(manager_.informers().For<Owned>().cache(), K::Info());
    return *this;
  }
  // A change to an Other wakes the keys it maps to, before and after the change, unless the two are
  // the same for them.
  template <Kind Other>
  ControllerBuilder& Watches(MapToKeys<Other> map,
                             std::function<bool(const Other& a, const Other& b)> same = nullptr) {
    const auto as_other = [](const CachedObject& object) -> const Other& {
      return *static_cast<const Other*>(object.object.get());
    };
    ControllerParts::SameFor compare;
    if (same) {
      compare = [as_other, same = std::move(same)](const auto& a, const auto& b) {
        return same(as_other(a), as_other(b));
      };
    }
    controller_->WakeMapped(
        manager_.informers().For<Other>().cache(),
        [as_other, map = std::move(map)](const CachedObject& object) {
          return map(as_other(object));
        },
        std::move(compare));
    return *this;
  }
  // Keys in parallel; default 2.
  ControllerBuilder& Workers(int count) {
    controller_->workers = count;
    return *this;
  }
  ControllerBuilder& Retry(WorkQueue::Retry retry) {
    controller_->retry = retry;
    return *this;
  }
  // The queue, for those who learn of work by other ways. Valid as long as the manager.
  WorkQueue& Complete(std::unique_ptr<Reconciler<K>> reconciler) {
    std::shared_ptr<Reconciler<K>> shared = std::move(reconciler);
    controller_->reconcile = [shared](const CachedObject& object) {
      return shared->Reconcile(*static_cast<const K*>(object.object.get()));
    };
    controller_->forget = [shared](const ObjectKey& key) { shared->Forget(key); };
    return manager_.Complete(std::move(controller_));
  }

 private:
  Manager& manager_;
  std::unique_ptr<ControllerParts> controller_;
};

}  // namespace skiff
