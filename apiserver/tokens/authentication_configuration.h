// What --authentication-config says: an AuthenticationConfiguration of apiserver.config.k8s.io,
// read strictly and checked in kube-apiserver's words. Pure.
//
//   auto configuration = TRY(ReadAuthenticationConfiguration(text));
//   const Violations wrong = PrepareAuthentication(configuration);   // Compiles expressions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/violations.h"
#include "apiserver/tokens/claim_program.h"
#include "base/error.h"

namespace skiff {

struct IssuerConfiguration {
  std::string url;
  std::string discovery_url;          // "": below the url.
  std::string certificate_authority;  // PEM; "": those of the system.
  std::vector<std::string> audiences = {};
  std::string audience_match_policy = {};
  std::string egress_selector_type = {};
};

// Where a part of the user comes from: a claim, or an expression over all of them.
struct ClaimMapping {
  std::string claim = {};
  std::optional<std::string> prefix = {};
  std::string expression = {};
  ClaimProgram program = nullptr;
};

struct ExtraMapping {
  std::string key;
  std::string expression;
  ClaimProgram program = nullptr;
};

struct ClaimRule {
  std::string claim = {};
  std::string required_value = {};
  std::string expression = {};
  std::string message = {};
  ClaimProgram program = nullptr;
};

struct UserRule {
  std::string expression;
  std::string message = {};
  ClaimProgram program = nullptr;
};

struct JwtConfiguration {
  IssuerConfiguration issuer;
  std::vector<ClaimRule> claim_rules = {};
  ClaimMapping username = {}, groups = {}, uid = {};
  std::vector<ExtraMapping> extra = {};
  std::vector<UserRule> user_rules = {};
};

struct AnonymousConfiguration {
  bool enabled = false;
  std::vector<std::string> paths = {};  // Empty: all.
  bool operator==(const AnonymousConfiguration&) const = default;
};

struct AuthenticationConfiguration {
  std::vector<JwtConfiguration> jwt = {};
  std::optional<AnonymousConfiguration> anonymous = {};
};

Result<AuthenticationConfiguration> ReadAuthenticationConfiguration(std::string_view text);
// What is wrong with it. Where nothing is, its expressions have programs.
Violations PrepareAuthentication(AuthenticationConfiguration& configuration);
// Of issuers that are the server's own, whose tokens others must not vouch for.
Violations CheckDisallowedIssuers(const AuthenticationConfiguration& configuration,
                                  const std::vector<std::string>& disallowed);

}  // namespace skiff
