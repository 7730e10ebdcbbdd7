// The flags of kube-apiserver for tokens that others vouch for: --authentication-config, --oidc-*
// and --authentication-token-webhook-*.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/flags.h"

namespace skiff {

struct OutsideTokenOptions;

struct OutsideTokenFlags {
  std::string authentication_config;
  std::string oidc_issuer_url;
  std::string oidc_client_id;
  std::string oidc_ca_file;
  std::string oidc_username_claim = "sub";
  std::string oidc_username_prefix;
  std::string oidc_groups_claim;
  std::string oidc_groups_prefix;
  std::vector<std::string> oidc_required_claims;
  std::vector<std::string> oidc_signing_algs;  // Empty: RS256.
  bool oidc_given = false;                     // Any of --oidc-*.
  std::string webhook_config_file;
  std::string webhook_version = "v1beta1";
  Duration webhook_cache_ttl = 2min;
};

void AddTokenFlags(Flags& flags, OutsideTokenFlags& to);
// Invalid carries kube-apiserver's text.
Result<> CheckTokenFlags(const OutsideTokenFlags& flags);
// With all files read; null: nobody else vouches for tokens. `anonymous_given`: --anonymous-auth
// was.
Result<std::shared_ptr<const OutsideTokenOptions>> OutsideTokensOf(const OutsideTokenFlags& flags,
                                                                   bool anonymous_given);

}  // namespace skiff
