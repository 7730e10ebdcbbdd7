#include "apiserver/authorization/authorization_configuration.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/text/configuration_file.h"
#include "apiserver/request/api_errors.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr char kConfigKind[] = "AuthorizationConfiguration";
constexpr Duration kAuthorizedTtl = 5min;
constexpr Duration kUnauthorizedTtl = 30s;

void ReadWebhook(ConfigurationReading& in, const Json& json, AccessWebhookConfiguration& to) {
  const auto read_connection = [&](const Json& value) {
    in.Object(
        value, "WebhookConnectionInfo",
        {{"type", in.Text(to.connection_type)}, {"kubeConfigFile", in.Text(to.kubeconfig_file)}});
  };
  in.Object(
      json, "WebhookConfiguration",
      {{"authorizedTTL", in.Time(to.authorized_ttl)},
       {"cacheAuthorizedRequests", in.Switch(to.caches_authorized)},
       {"unauthorizedTTL", in.Time(to.unauthorized_ttl)},
       {"cacheUnauthorizedRequests", in.Switch(to.caches_unauthorized)},
       {"timeout", in.Time(to.timeout)},
       {"subjectAccessReviewVersion", in.Text(to.version)},
       {"matchConditionSubjectAccessReviewVersion", in.Text(to.condition_version)},
       {"failurePolicy", in.Text(to.failure_policy)},
       {"connectionInfo", read_connection},
       {"matchConditions",
        in.List<AccessCondition>(
            to.conditions, "v1.WebhookMatchCondition",
            [&in](const Json& value, AccessCondition& each) {
              in.Object(value, "WebhookMatchCondition", {{"expression", in.Text(each.expression)}});
            })}});
  if (to.authorized_ttl == Duration::zero()) to.authorized_ttl = kAuthorizedTtl;
  if (to.unauthorized_ttl == Duration::zero()) to.unauthorized_ttl = kUnauthorizedTtl;
}

void ReadAuthorizer(ConfigurationReading& in, const Json& json, AuthorizerConfiguration& to) {
  in.Object(
      json, "AuthorizerConfiguration",
      {{"type", in.Text(to.type)},
       {"name", in.Text(to.name)},
       {"webhook", [&](const Json& value) { ReadWebhook(in, value, to.webhook.emplace()); }}});
}

}  // namespace

bool AuthorizationConfiguration::Has(std::string_view type) const {
  return std::any_of(authorizers.begin(), authorizers.end(),
                     [&](const auto& each) { return each.type == type; });
}

AuthorizationConfiguration AuthorizationOfModes(const std::vector<std::string>& modes) {
  AuthorizationConfiguration made;
  for (const std::string& mode : modes) {
    made.authorizers.push_back({.type = mode, .name = Lower(mode)});
  }
  return made;
}

Result<AuthorizationConfiguration> ReadAuthorizationConfiguration(std::string_view text) {
  AuthorizationConfiguration to;
  if (text.empty()) return to;
  const YamlDocument yaml = TRY(ParseConfiguration(text));
  TRY(CheckConfigurationKind(yaml.value, text, kConfigKind));
  ConfigurationReading in(kConfigKind, yaml.duplicates);
  in.Object(yaml.value, kConfigKind,
            {{"kind", in.Pass},
             {"apiVersion", in.Pass},
             {"authorizers", in.List<AuthorizerConfiguration>(
                                 to.authorizers, "v1.AuthorizerConfiguration",
                                 [&in](const Json& value, AuthorizerConfiguration& each) {
                                   ReadAuthorizer(in, value, each);
                                 })}});
  TRY(in.End());
  return to;
}

Result<AuthorizationConfiguration> LoadAuthorization(std::string_view text,
                                                     const std::vector<std::string>& required) {
  auto read = ReadAuthorizationConfiguration(text);
  if (!read) {
    return Fail(Reason::kInvalid,
                "failed to load AuthorizationConfiguration from file: " + read.error().message);
  }
  const Violations wrong = PrepareAuthorization(*read);
  if (!wrong.empty()) return Fail(Reason::kInvalid, wrong.Text());
  std::vector<std::string> errors;
  for (const auto& each : read->authorizers) {
    if (each.type == kWebhookMode || each.name == Lower(each.type)) continue;
    errors.push_back(fmt::format("expected name {} for authorizer {} instead of {}",
                                 Lower(each.type), each.type, each.name));
  }
  std::string missing;
  for (const std::string& type : required) {
    if (!read->Has(type)) missing += (missing.empty() ? "" : " ") + type;
  }
  if (!missing.empty()) errors.push_back("missing required types: [" + missing + "]");
  if (!errors.empty()) return Fail(Reason::kInvalid, JoinedErrors(errors));
  return *std::move(read);
}

}  // namespace skiff
