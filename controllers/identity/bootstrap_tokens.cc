// The cluster's side of joining: signs ConfigMap kube-public/cluster-info with every bootstrap
// token that is for signing, and deletes tokens that have expired.
//
// Both read only what they need, the tokens of kube-system and that one ConfigMap, and so have
// reflectors of their own rather than a copy of every Secret of the cluster.
#include <algorithm>

#include "base/log.h"
#include "base/seconds.h"
#include "client/bootstrap_token.h"
#include "controllers/collection.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Secret;

constexpr Duration kRetry = 5s;

ListOptions TokenScope() {
  ListOptions scope;
  scope.namespace_ = kBootstrapTokenNamespace;
  scope.field_selector = "type=" + std::string(kBootstrapTokenType);
  return scope;
}

ListOptions ClusterInfoScope() {
  ListOptions scope;
  scope.namespace_ = kClusterInfoNamespace;
  scope.field_selector = "metadata.name=" + std::string(kClusterInfoName);
  return scope;
}

class BootstrapSigner final : public ControlLoop {
 public:
  explicit BootstrapSigner(Manager& manager)
      : client_(manager.client()), clock_(manager.clock()), tokens_(*this), infos_(*this) {
    AddReflector(manager, TokenScope(), tokens_);
    AddReflector(manager, ClusterInfoScope(), infos_);
  }

  Duration Step() override {
    const auto tokens = tokens_.List();
    const auto infos = infos_.List();
    if (!tokens || !infos || infos->empty()) return kNever;
    const ConfigMap& info = *infos->front();
    const auto content = info.data.find(std::string(kClusterInfoKubeconfig));
    if (content == info.data.end()) return kNever;
    Duration next = kNever;
    ConfigMap wanted = info;
    std::erase_if(wanted.data, [](const auto& entry) {
      return entry.first.starts_with(kClusterInfoSignaturePrefix);
    });
    const TimePoint now = clock_.Now();
    for (const auto& secret : *tokens) {
      const auto token = ReadBootstrapSecret(*secret);
      if (!token || !token->may_sign || token->IsExpired(now)) continue;
      if (token->expiration) next = std::min(next, Between(now, *token->expiration));
      wanted.data[std::string(kClusterInfoSignaturePrefix) + token->token.id] =
          SignClusterInfo(token->token, content->second);
    }
    if (wanted == info) return next;
    const auto written = client_.Update(wanted);
    // After a conflict the watch brings the newer one.
    if (written || written.error().reason == Reason::kConflict) return next;
    log_.Info("cluster-info not signed", {{"error", written.error().message}});
    return kRetry;
  }

 private:
  Client& client_;
  const Clock& clock_;
  const Log log_{"bootstrap-signer"};
  Collection<Secret> tokens_;
  Collection<ConfigMap> infos_;
};

class TokenCleaner final : public ControlLoop {
 public:
  explicit TokenCleaner(Manager& manager)
      : client_(manager.client()), clock_(manager.clock()), tokens_(*this) {
    AddReflector(manager, TokenScope(), tokens_);
  }

  Duration Step() override {
    const auto tokens = tokens_.List();
    if (!tokens) return kNever;
    Duration next = kNever;
    const TimePoint now = clock_.Now();
    for (const auto& secret : *tokens) {
      const auto token = ReadBootstrapSecret(*secret);
      if (!token || !token->expiration) continue;
      if (!token->IsExpired(now)) {
        next = std::min(next, Between(now, *token->expiration));
        continue;
      }
      const auto deleted = client_.Delete(*secret);
      if (deleted || deleted.error().reason == Reason::kNotFound ||
          deleted.error().reason == Reason::kConflict) {
        continue;
      }
      log_.Info("expired token not deleted", {{"error", deleted.error().message}});
      next = std::min(next, kRetry);
    }
    return next;
  }

 private:
  Client& client_;
  const Clock& clock_;
  const Log log_{"token-cleaner"};
  Collection<Secret> tokens_;
};

}  // namespace

void AddBootstrapSigner(Manager& manager) {
  manager.AddLoop(std::make_unique<BootstrapSigner>(manager));
}

void AddTokenCleaner(Manager& manager) {
  manager.AddLoop(std::make_unique<TokenCleaner>(manager));
}

}  // namespace skiff
