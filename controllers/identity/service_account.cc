// The ServiceAccount "default" in every namespace.
#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::Namespace;
using core_v1::ServiceAccount;

constexpr std::string_view kDefault = "default";

class ServiceAccountReconciler final : public Reconciler<Namespace> {
 public:
  explicit ServiceAccountReconciler(Manager& manager)
      : client_(manager.client()), accounts_(manager.informer<ServiceAccount>()) {}

  Result<Requeue> Reconcile(const Namespace& namespace_) override {
    if (namespace_.status.phase != "Active" || namespace_.metadata.deletion_timestamp) {
      return Requeue::None();
    }
    const ObjectKey key = {namespace_.metadata.name, std::string(kDefault)};
    if (accounts_.Get(key)) return Requeue::None();
    ServiceAccount account;
    account.metadata.namespace_ = key.namespace_;
    account.metadata.name = key.name;
    const auto created = client_.Create(account);
    if (created || created.error().reason == Reason::kAlreadyExists) return Requeue::None();
    // The namespace has just gone, or is about to.
    if (created.error().reason == Reason::kNotFound) return Requeue::None();
    if (IsNamespaceTerminating(created.error())) return Requeue::None();
    return Fail(created.error());
  }

 private:
  Client& client_;
  const Informer<ServiceAccount> accounts_;
};

}  // namespace

void AddServiceAccountController(Manager& manager) {
  ControllerBuilder<Namespace>(manager, "serviceaccount")
      .Watches<ServiceAccount>([](const ServiceAccount& account) {
        std::vector<ObjectKey> keys;
        if (account.metadata.name == kDefault) keys.push_back({"", account.metadata.namespace_});
        return keys;
      })
      .Workers(1)
      .Complete(std::make_unique<ServiceAccountReconciler>(manager));
}

}  // namespace skiff
