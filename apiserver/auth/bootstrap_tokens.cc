#include "apiserver/auth/bootstrap_tokens.h"

#include "api/gen/core_v1.h"
#include "apiserver/auth/same_text.h"
#include "apiserver/objects/record_codec.h"
#include "client/bootstrap_token.h"

namespace skiff {

Result<std::optional<User>> BootstrapTokens::Authenticate(std::string_view token) const {
  const auto asked = BootstrapToken::Parse(token);
  if (!asked) return std::nullopt;
  const KindInfo& kind = core_v1::Secret::Info();
  const auto record = store_.Get(KeyOf(kind, kBootstrapTokenNamespace, asked->SecretName()));
  if (!record && record.error().reason != Reason::kNotFound) return Fail(record.error());
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
