// The file of --authorization-config, or what flags say in its place: who is asked, in this order,
// whether somebody may do something. Pure, but that files of kubeconfigs are looked for.
//
//   auto configuration = TRY(ReadAuthorizationConfiguration(text));
//   const Violations wrong = PrepareAuthorization(configuration);
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/violations.h"
#include "apiserver/authorization/access_conditions.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

struct AccessWebhookConfiguration {
  Duration authorized_ttl = Duration::zero();
  Duration unauthorized_ttl = Duration::zero();
  bool caches_authorized = true;
  bool caches_unauthorized = true;
  Duration timeout = Duration::zero();
  std::string version = {};
  std::string condition_version = {};
  std::string failure_policy = {};
  std::string connection_type = {};
  std::optional<std::string> kubeconfig_file = {};
  std::vector<AccessCondition> conditions = {};
  bool operator==(const AccessWebhookConfiguration&) const = default;
};

struct AuthorizerConfiguration {
  std::string type;
  std::string name = {};
  std::optional<AccessWebhookConfiguration> webhook = {};
  bool operator==(const AuthorizerConfiguration&) const = default;
};

struct AuthorizationConfiguration {
  std::vector<AuthorizerConfiguration> authorizers = {};
  bool Has(std::string_view type) const;
  bool operator==(const AuthorizationConfiguration&) const = default;
};

inline constexpr const char* kWebhookMode = "Webhook";
inline constexpr const char* kAbacMode = "ABAC";

// Those of --authorization-mode, under the names that files have to give them.
AuthorizationConfiguration AuthorizationOfModes(const std::vector<std::string>& modes);
bool IsAuthorizationMode(std::string_view mode);

// What Go says of an errno of stat.
std::string StatError(int error);

// With defaults.
Result<AuthorizationConfiguration> ReadAuthorizationConfiguration(std::string_view text);
// What is wrong with it. Where nothing is, its conditions have programs.
Violations PrepareAuthorization(AuthorizationConfiguration& configuration);
// Read, prepared, and right for this server: `required` types have to be in it. Invalid carries
// kube-apiserver's text.
Result<AuthorizationConfiguration> LoadAuthorization(std::string_view text,
                                                     const std::vector<std::string>& required);

}  // namespace skiff
