// Who writes an object that nothing acts on is warned, on a server that is to do so; any other
// says it in its log, once a kind. Both when it is made and when what it asks for changes.
#include <set>

#include "api/kinds/behaviour.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/request/resources.h"
#include "base/log.h"
#include "base/mutex.h"

namespace skiff {
namespace {

// What the object asks for: all but who and how it is.
Json AskedBy(const Object& object) {
  Json document = object.ToDocument();
  document.erase("metadata");
  document.erase("status");
  return document;
}

class UnservedKinds final : public AdmissionPlugin, public Validates {
 public:
  explicit UnservedKinds(const AdmissionParts& parts)
      : caches_(parts.caches),
        warns_(parts.warns_of_unserved_kinds),
        network_policies_are_enforced_(parts.network_policies_are_enforced) {}
  std::string_view name() const override { return "UnservedKinds"; }
  bool Handles(Operation operation) const override {
    return operation == Operation::kCreate || operation == Operation::kUpdate;
  }

  Result<> Validate(const AdmissionRequest& request) override {
    if (!request.subresource.empty() || request.object == nullptr) return {};
    const std::string_view why = request.kind.behaviour->unserved;
    // What the server writes for itself it knows.
    if (why.empty() || request.user.name == LoopbackUser().name) return {};
    if (request.old_object != nullptr &&
        AskedBy(*request.object) == AskedBy(*request.old_object)) {
      return {};
    }
    if (IsServed(*request.object)) return {};
    Tell(request, why);
    return {};
  }

 private:
  // Whether something acts on this one of a kind of which nothing acts on others.
  bool IsServed(const Object& object) {
    // Whoever brings a class brings what serves it.
    if (object.kind().resource == "ingresses") return !caches_.ingress_classes.All().empty();
    return object.kind().resource == "networkpolicies" && network_policies_are_enforced_;
  }

  void Tell(const AdmissionRequest& request, std::string_view why) {
    if (warns_) {
      request.warnings.emplace_back(why);
      return;
    }
    const MutexLock lock(mutex_);
    if (!told_.insert(&request.kind).second) return;
    log_.Info("stored what nothing acts on", {{"kind", request.kind.kind}, {"why", why}});
  }

  Caches& caches_;
  const bool warns_;
  const bool network_policies_are_enforced_;
  const Log log_{"apiserver"};
  Mutex mutex_;
  std::set<const KindInfo*> told_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeUnservedKinds(const AdmissionParts& parts) {
  return std::make_unique<UnservedKinds>(parts);
}

}  // namespace skiff
