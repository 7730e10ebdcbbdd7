// Secrets of type kubernetes.io/service-account-token, which somebody makes for programs outside of
// pods: each gets a token of the account that its annotation names, and goes with that account. No
// Secret is made without being asked for.
#include <algorithm>
#include <map>

#include "api/pods/token_secrets.h"
#include "api/rules/names.h"
#include "base/log.h"
#include "client/refusals.h"
#include "controllers/collection.h"
#include "controllers/program.h"
#include "controllers/retry_plan.h"

namespace skiff {
namespace {

using core_v1::Secret;
using core_v1::ServiceAccount;

constexpr const char* kToken = "token";
constexpr const char* kNamespace = "namespace";
constexpr const char* kRootCa = "ca.crt";

std::string Annotation(const Secret& secret, const char* name) {
  const auto found = secret.metadata.annotations.find(name);
  return found == secret.metadata.annotations.end() ? "" : found->second;
}

bool Lacks(const Secret& secret, const char* key) {
  const auto found = secret.data.find(key);
  return found == secret.data.end() || found->second.empty();
}

ObjectKey AccountOf(const Secret& secret) {
  return {secret.metadata.namespace_, Annotation(secret, kTokenSecretAccount)};
}

// Whether the Secret means this one, not an older one of that name.
bool Means(const Secret& secret, const ServiceAccount& account) {
  const std::string uid = Annotation(secret, kTokenSecretAccountUid);
  return uid.empty() || uid == account.metadata.uid;
}

// It never expires: the server asks whether the Secret still holds it.
Json ClaimsOf(const Secret& secret, const ServiceAccount& account) {
  const std::string& space = account.metadata.namespace_;
  const std::string& name = account.metadata.name;
  return {{"iss", kLegacyIssuer},
          {"sub", "system:serviceaccount:" + space + ":" + name},
          {kLegacyNamespaceClaim, space},
          {kLegacySecretClaim, secret.metadata.name},
          {kLegacyAccountClaim, name},
          {kLegacyAccountUidClaim, account.metadata.uid}};
}

class TokenSecrets final : public ControlLoop {
 public:
  TokenSecrets(Manager& manager, const ControllerOptions& options)
      : client_(manager.client()),
        clock_(manager.clock()),
        accounts_(manager.informer<ServiceAccount>()),
        root_ca_(options.root_ca),
        sign_(options.sign_token),
        secrets_(*this) {
    ListOptions tokens;
    tokens.field_selector = "type=" + std::string(kTokenSecretType);
    AddReflector(manager, tokens, secrets_);
    accounts_.OnChange([this](const auto&, const auto&) { Wake(); });
    accounts_.cache().OnSynced([this] { Wake(); });
  }

  Duration Step() override {
    const auto secrets = secrets_.List();
    if (!secrets || !accounts_.synced()) return kNever;
    const Duration now = clock_.Monotonic();
    std::map<ObjectKey, ObjectKey> there;
    for (const auto& secret : *secrets) {
      const ObjectKey key = KeyOf(*secret);
      there.emplace(key, AccountOf(*secret));
      // After a conflict the watch brings the newer one.
      Try(key, StateOf(*secret), now, [&] { return Settle(*secret); },
          {Reason::kConflict, Reason::kNotFound});
    }
    for (const auto& [secret, account] : known_) {
      if (there.contains(secret)) continue;
      const Ptr<ServiceAccount> held = accounts_.Get(account);
      const std::string state = "gone, " + (held ? held->metadata.resource_version : "");
      if (Try(secret, state, now, [&] { return Unlist(secret, account); },
              {Reason::kNotFound})) {
        retries_.Forget(secret);
      } else {
        there.emplace(secret, account);
      }
    }
    known_ = std::move(there);
    return retries_.UntilNext(now);
  }

 private:
  // What decides what is done with it: its own version, and which account it means.
  std::string StateOf(const Secret& secret) const {
    const Ptr<ServiceAccount> account = accounts_.Get(AccountOf(secret));
    return secret.metadata.resource_version + ", " + (account ? account->metadata.uid : "");
  }

  // Whether nothing is left to be done in this state, as errors that `settle` it say as well, or
  // nothing that the server would take: an immutable Secret without a token stays so.
  bool Try(const ObjectKey& key, const std::string& state, Duration now,
           const std::function<Result<>()>& work, std::initializer_list<Reason> settle) {
    if (!retries_.IsDue(key, state, now)) return false;
    const Result<> done = work();
    if (done || std::ranges::find(settle, done.error().reason) != settle.end()) {
      retries_.Forget(key);
      return true;
    }
    log_.Info("token of a service account not settled",
              {{"secret", key}, {"error", done.error().message}});
    return !retries_.Failed(key, state, now,
                            IsRefusal(done.error()) ? RetryPlan::Failure::kRefused
                                                    : RetryPlan::Failure::kUnanswered);
  }

  Result<> Settle(const Secret& secret) {
    if (secret.metadata.deletion_timestamp) return {};
    Ptr<ServiceAccount> account = accounts_.Get(AccountOf(secret));
    if (!account || !Means(secret, *account)) {
      // No account can have such a name, and nobody is asked for it whenever something changes: the
      // Secret is its author's.
      if (!PathSegmentErrors(AccountOf(secret).name).empty()) return {};
      // The cache may lag: nothing is deleted for that.
      auto live = client_.Get<ServiceAccount>(AccountOf(secret));
      if (!live && live.error().reason == Reason::kBadRequest) return {};
      if (!live && live.error().reason != Reason::kNotFound) return Fail(live.error());
      if (!live || !Means(secret, **live)) {
        return client_.Delete<Secret>(KeyOf(secret), {.uid = secret.metadata.uid});
      }
      account = *live;
    }
    return Fill(secret, *account);
  }

  Result<> Fill(const Secret& secret, const ServiceAccount& account) {
    // Of all that there are, whatever happens to one, and each may hold a megabyte.
    if (IsFilled(secret)) return {};
    Secret filled = secret;
    if (!root_ca_.empty()) filled.data[kRootCa] = root_ca_;
    if (Lacks(filled, kNamespace)) filled.data[kNamespace] = secret.metadata.namespace_;
    if (Lacks(filled, kToken)) filled.data[kToken] = TRY(sign_(ClaimsOf(secret, account)));
    filled.metadata.annotations[kTokenSecretAccount] = account.metadata.name;
    filled.metadata.annotations[kTokenSecretAccountUid] = account.metadata.uid;
    TRY(client_.Update(filled));
    return {};
  }

  bool IsFilled(const Secret& secret) const {
    const auto root_ca = secret.data.find(kRootCa);
    const bool knows_root = root_ca != secret.data.end() && root_ca->second == root_ca_;
    return (root_ca_.empty() || knows_root) && !Lacks(secret, kNamespace) && !Lacks(secret, kToken);
  }

  // Of a Secret that is gone, from its account's list.
  Result<> Unlist(const ObjectKey& secret, const ObjectKey& account_key) {
    const auto account = accounts_.Get(account_key);
    const auto is_it = [&](const auto& reference) { return reference.name == secret.name; };
    if (!account || std::none_of(account->secrets.begin(), account->secrets.end(), is_it)) {
      return {};
    }
    const auto live = TRY(client_.Get<ServiceAccount>(account_key));
    ServiceAccount changed = *live;
    if (changed.metadata.uid != account->metadata.uid) return {};
    std::erase_if(changed.secrets, is_it);
    TRY(client_.Update(changed));
    return {};
  }

  Client& client_;
  const Clock& clock_;
  const Informer<ServiceAccount> accounts_;
  const std::string root_ca_;
  const std::function<Result<std::string>(const Json& claims)> sign_;
  const Log log_{"serviceaccount-token"};
  Collection<Secret> secrets_;
  RetryPlan retries_;
  std::map<ObjectKey, ObjectKey> known_;  // The account of each Secret of the last step.
};

}  // namespace

void AddServiceAccountTokens(Manager& manager, const ControllerOptions& options) {
  manager.AddLoop(std::make_unique<TokenSecrets>(manager, options));
}

}  // namespace skiff
