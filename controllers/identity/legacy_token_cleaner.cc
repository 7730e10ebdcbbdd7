// Once a day: marks and deletes tokens in Secrets that nobody uses (legacy_token_plan.h). The API
// server writes down when they are used, and refuses those that are marked.
#include <map>

#include "api/pods/token_secrets.h"
#include "api/rules/pods/pod_references.h"
#include "base/log.h"
#include "client/reconciler.h"
#include "controllers/identity/legacy_token_plan.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Pod;
using core_v1::Secret;
using core_v1::ServiceAccount;

constexpr Duration kCleanerPeriod = 24h;
constexpr Duration kCleanerRetry = 5min;
const ObjectKey kTrackingMap = {"kube-system",
                                "kube-apiserver-legacy-service-account-token-tracking"};

class LegacyTokenCleaner final : public ControlLoop {
 public:
  LegacyTokenCleaner(Manager& manager, Duration period)
      : client_(manager.client()),
        reader_(manager.reader()),
        clock_(manager.clock()),
        pods_(manager.informer<Pod>()),
        accounts_(manager.informer<ServiceAccount>()),
        period_(period) {
    pods_.cache().OnSynced([this] { Wake(); });
    accounts_.cache().OnSynced([this] { Wake(); });
  }

  Duration Step() override {
    if (!pods_.synced() || !accounts_.synced()) return kNever;
    const Duration wait = not_before_ - clock_.Monotonic();
    if (wait > Duration(0)) return wait;
    const auto done = Clean();
    if (!done) log_.Info("tokens not looked at", {{"error", done.error().message}});
    const Duration pause = done ? kCleanerPeriod : kCleanerRetry;
    not_before_ = clock_.Monotonic() + pause;
    return pause;
  }

 private:
  using Names = std::set<std::string, std::less<>>;

  Result<> Clean() {
    const auto tracking = TRY(client_.Get<ConfigMap>(kTrackingMap));
    const auto since = tracking->data.find("since");
    if (since == tracking->data.end()) {
      return Fail(Reason::kInvalid, "configMap does not have since label");
    }
    if (!TracksLongEnough(since->second, period_, clock_.Now())) return {};
    ListOptions tokens;
    tokens.field_selector = "type=" + std::string(kTokenSecretType);
    std::map<std::string, Names> mounted;  // By namespace.
    for (const auto& secret : TRY(reader_.List<Secret>(tokens))) {
      const std::string& space = secret->metadata.namespace_;
      auto known = mounted.find(space);
      if (known == mounted.end()) known = mounted.emplace(space, MountedIn(space)).first;
      Judge(*secret, known->second);
    }
    return {};
  }

  Names MountedIn(const std::string& space) const {
    Names names;
    for (const auto& pod : pods_.ListIn(space)) names.merge(ReferencesOf(*pod).secrets);
    return names;
  }

  void Judge(const Secret& secret, const Names& mounted) {
    const auto name = secret.metadata.annotations.find(kTokenSecretAccount);
    if (name == secret.metadata.annotations.end()) return;
    const auto account = accounts_.Get({secret.metadata.namespace_, name->second});
    const TokenFate fate = FateOf(secret, {.account = account.get(),
                                           .is_mounted = mounted.contains(secret.metadata.name),
                                           .period = period_,
                                           .now = clock_.Now()});
    if (fate == TokenFate::kKeep) return;
    const auto done = fate == TokenFate::kMark ? Mark(secret) : Remove(secret);
    if (done || done.error().reason == Reason::kNotFound ||
        done.error().reason == Reason::kConflict) {
      return;
    }
    log_.Info("unused token not settled",
              {{"secret", KeyOf(secret)}, {"error", done.error().message}});
  }

  Result<> Mark(const Secret& secret) {
    TRY(client_.Patch(secret, [&](Secret& it) {
      it.metadata.labels[kTokenInvalidSince] = DateOf(clock_.Now());
    }));
    return {};
  }

  // It may have been used since it was read.
  Result<> Remove(const Secret& secret) {
    return client_.Delete(secret, {.resource_version = secret.metadata.resource_version});
  }

  Client& client_;
  Client& reader_;  // Of Secrets: there the account reads nothing, only by informers.
  const Clock& clock_;
  const Informer<Pod> pods_;
  const Informer<ServiceAccount> accounts_;
  const Duration period_;
  const Log log_{"legacy-serviceaccount-token-cleaner"};
  Duration not_before_{};
};

}  // namespace

void AddLegacyTokenCleaner(Manager& manager, Duration period) {
  manager.AddLoop(std::make_unique<LegacyTokenCleaner>(manager, period));
}

}  // namespace skiff
