#include "apiserver/auth/bootstrap_tokens.h"

#include <openssl/crypto.h>

#include "api/gen/core_v1.h"
#include "apiserver/record_codec.h"
#include "client/bootstrap_token.h"

namespace skiff {
namespace {

// Takes as long for a wrong text as for the right one.
bool SameText(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::optional<User> BootstrapTokens::Authenticate(std::string_view token) const {
  const auto asked = BootstrapToken::Parse(token);
  if (!asked) return std::nullopt;
  const KindInfo& kind = core_v1::Secret::Info();
  const auto record = store_.Get(KeyOf(kind, kBootstrapTokenNamespace, asked->SecretName()));
  if (!record) return std::nullopt;
  const auto object = ObjectOf(kind, **record);
  const auto* secret = object ? object->As<core_v1::Secret>() : nullptr;
  if (secret == nullptr || secret->metadata.deletion_timestamp) return std::nullopt;
  const auto kept = ReadBootstrapSecret(*secret);
  if (!kept || !kept->may_authenticate || kept->IsExpired(clock_.Now())) return std::nullopt;
  if (!SameText(kept->token.secret, asked->secret)) return std::nullopt;
  User user{.name = "system:bootstrap:" + asked->id, .groups = {"system:bootstrappers"}};
  user.groups.insert(user.groups.end(), kept->groups.begin(), kept->groups.end());
  return user;
}

}  // namespace skiff
