// The tokens by which machines join: "abcdef.0123456789abcdef", kept as Secrets
// kube-system/bootstrap-token-abcdef of type bootstrap.kubernetes.io/token.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apiserver/auth/user.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

// Looks the Secret up each time: a token is used a few times in its life. Thread-safe.
class BootstrapTokens {
 public:
  BootstrapTokens(Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  // system:bootstrap:ID in system:bootstrappers and the groups of the Secret. nullopt for a text
  // that is no such token, and for one that is wrong, expired, deleted or not meant for this. Fails
  // where that cannot be told.
  Result<std::optional<User>> Authenticate(std::string_view token) const;

 private:
  Store& store_;
  const Clock& clock_;
};

}  // namespace skiff
