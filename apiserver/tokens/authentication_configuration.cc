#include "apiserver/tokens/authentication_configuration.h"

#include "api/text/configuration_file.h"

namespace skiff {
namespace {

constexpr char kConfigKind[] = "AuthenticationConfiguration";

void ReadMapping(ConfigurationReading& in, const Json& json, const char* go_name, bool prefixed,
                 ClaimMapping& to) {
  ConfigurationReading::Fields fields = {{"claim", in.Text(to.claim)},
                                         {"expression", in.Text(to.expression)}};
  if (prefixed) fields.emplace("prefix", in.Text(to.prefix));
  in.Object(json, go_name, fields);
}

void ReadMappings(ConfigurationReading& in, const Json& json, JwtConfiguration& to) {
  const auto mapping = [&in](const char* go_name, bool prefixed, ClaimMapping& part) {
    return [&in, go_name, prefixed, &part](const Json& value) {
      ReadMapping(in, value, go_name, prefixed, part);
    };
  };
  in.Object(json, "ClaimMappings",
            {{"username", mapping("PrefixedClaimOrExpression", true, to.username)},
             {"groups", mapping("PrefixedClaimOrExpression", true, to.groups)},
             {"uid", mapping("ClaimOrExpression", false, to.uid)},
             {"extra", in.List<ExtraMapping>(to.extra, "v1.ExtraMapping",
                                             [&in](const Json& value, ExtraMapping& each) {
                                               in.Object(
                                                   value, "ExtraMapping",
                                                   {{"key", in.Text(each.key)},
                                                    {"valueExpression", in.Text(each.expression)}});
                                             })}});
}

void ReadIssuer(ConfigurationReading& in, const Json& json, IssuerConfiguration& to) {
  in.Object(json, "Issuer",
            {{"url", in.Text(to.url)},
             {"discoveryURL", in.Text(to.discovery_url)},
             {"certificateAuthority", in.Text(to.certificate_authority)},
             {"audiences", in.Texts(to.audiences)},
             {"audienceMatchPolicy", in.Text(to.audience_match_policy)},
             {"egressSelectorType", in.Text(to.egress_selector_type)}});
}

void ReadJwt(ConfigurationReading& in, const Json& json, JwtConfiguration& to) {
  in.Object(json, "JWTAuthenticator",
            {{"issuer", [&](const Json& value) { ReadIssuer(in, value, to.issuer); }},
             {"claimMappings", [&](const Json& value) { ReadMappings(in, value, to); }},
             {"claimValidationRules",
              in.List<ClaimRule>(to.claim_rules, "v1.ClaimValidationRule",
                                 [&in](const Json& value, ClaimRule& each) {
                                   in.Object(value, "ClaimValidationRule",
                                             {{"claim", in.Text(each.claim)},
                                              {"requiredValue", in.Text(each.required_value)},
                                              {"expression", in.Text(each.expression)},
                                              {"message", in.Text(each.message)}});
                                 })},
             {"userValidationRules",
              in.List<UserRule>(to.user_rules, "v1.UserValidationRule",
                                [&in](const Json& value, UserRule& each) {
                                  in.Object(value, "UserValidationRule",
                                            {{"expression", in.Text(each.expression)},
                                             {"message", in.Text(each.message)}});
                                })}});
}

void ReadAnonymous(ConfigurationReading& in, const Json& json, AnonymousConfiguration& to) {
  in.Object(
      json, "AnonymousAuthConfig",
      {{"enabled", in.Switch(to.enabled)},
       {"conditions",
        in.List<std::string>(
            to.paths, "v1.AnonymousAuthCondition", [&in](const Json& value, std::string& path) {
              in.Object(value, "AnonymousAuthCondition", {{"path", in.Text(path)}});
            })}});
}

}  // namespace

Result<AuthenticationConfiguration> ReadAuthenticationConfiguration(std::string_view text) {
  if (text.empty()) return Fail(Reason::kInvalid, "empty config data");
  const YamlDocument yaml = TRY(ParseConfiguration(text));
  TRY(CheckConfigurationKind(yaml.value, text, kConfigKind));
  ConfigurationReading in(kConfigKind, yaml.duplicates);
  AuthenticationConfiguration to;
  in.Object(yaml.value, kConfigKind,
            {{"kind", in.Pass},
             {"apiVersion", in.Pass},
             {"jwt", in.List<JwtConfiguration>(to.jwt, "v1.JWTAuthenticator",
                                               [&in](const Json& value, JwtConfiguration& each) {
                                                 ReadJwt(in, value, each);
                                               })},
             {"anonymous",
              [&](const Json& value) { ReadAnonymous(in, value, to.anonymous.emplace()); }}});
  TRY(in.End());
  return to;
}

}  // namespace skiff
