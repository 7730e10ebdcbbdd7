// Kinds that somebody beside the server would have to act on, and nobody does: an event on each
// such object says so, for who did not see the server's warning. What the server itself would have
// to act on is in api/kinds/built_in.cc too, which has all texts.
#include <functional>
#include <map>

#include "api/gen/networking_v1.h"
#include "api/kinds/behaviour.h"
#include "client/reconciler.h"
#include "controllers/program.h"

namespace skiff {
namespace {

// Tells once an object, as long as this process knows it.
template <Kind K>
class UnservedKind final : public Reconciler<K> {
 public:
  using IsServed = std::function<bool(const K&)>;
  UnservedKind(EventRecorder& events, IsServed is_served)
      : events_(events), is_served_(std::move(is_served)) {}

  Result<Requeue> Reconcile(const K& object) override {
    if (is_served_(object) || object.metadata.deletion_timestamp) return Requeue::None();
    {
      const MutexLock lock(mutex_);
      std::string& told = told_[KeyOf(object)];
      if (told == object.metadata.uid) return Requeue::None();
      told = object.metadata.uid;
    }
    events_.Warning(object, "NotImplemented", std::string(K::Info().behaviour->unserved));
    return Requeue::None();
  }

  void Forget(const ObjectKey& key) override {
    const MutexLock lock(mutex_);
    told_.erase(key);
  }

 private:
  EventRecorder& events_;
  const IsServed is_served_;
  Mutex mutex_;
  std::map<ObjectKey, std::string> told_ GUARDED_BY(mutex_);  // With the uid.
};

// The builder of it, for those who look at other kinds as well.
template <Kind K>
ControllerBuilder<K> Builder(Manager& manager) {
  ControllerBuilder<K> builder(manager, "unserved-" + std::string(K::Info().resource));
  builder.Workers(1);
  return builder;
}

}  // namespace

void AddUnservedKinds(Manager& manager, const ControllerOptions& options) {
  using networking_v1::Ingress;
  using networking_v1::IngressClass;
  using networking_v1::NetworkPolicy;
  EventRecorder& events = manager.Recorder("unserved-kinds");
  if (!options.network_policies_are_enforced) {
    Builder<NetworkPolicy>(manager).Complete(std::make_unique<UnservedKind<NetworkPolicy>>(
        events, [](const auto&) { return false; }));
  }
  const auto classes = manager.informer<IngressClass>();
  Builder<Ingress>(manager)
      .Watches<IngressClass>([](const auto&) { return std::vector<ObjectKey>(); })
      .Complete(std::make_unique<UnservedKind<Ingress>>(
          events, [classes](const auto&) { return !classes.List().empty(); }));
}

}  // namespace skiff
