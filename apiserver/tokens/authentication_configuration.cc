#include "apiserver/tokens/authentication_configuration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <map>

#include "api/codec/json.h"
#include "api/text/yaml.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr std::string_view kConfigGroup = "apiserver.config.k8s.io/";
constexpr std::string_view kConfigKind = "AuthenticationConfiguration";

// Reads a document into structs. The first thing that is of another type ends it; what has no
// place is listed.
class ConfigurationReading {
 public:
  using Take = std::function<void(const Json& value)>;
  using Fields = std::map<std::string, Take, std::less<>>;

  explicit ConfigurationReading(std::vector<std::string> strict) : strict_(std::move(strict)) {}

  // The fields of one object, which Go calls `struct_name`.
  void Object(const Json& json, const char* struct_name, const Fields& fields) {
    if (!json.is_object()) return Misfit(json, fmt::format("v1.{}", struct_name));
    const char* outer = struct_;
    struct_ = struct_name;
    for (const auto& [key, value] : json.items()) {
      const auto field = fields.find(key);
      if (field == fields.end()) {
        strict_.push_back(
            fmt::format("unknown field \"{}{}{}\"", path_, path_.empty() ? "" : ".", key));
      } else if (!value.is_null() && broken_.empty()) {
        Within((path_.empty() ? "" : ".") + key, "." + key, [&] { field->second(value); });
      }
    }
    struct_ = outer;
  }
  Take Text(std::string& to) {
    return [this, &to](const Json& value) {
      if (!value.is_string()) return Misfit(value, "string");
      to = value.get<std::string>();
    };
  }
  Take Text(std::optional<std::string>& to) {
    return [this, &to](const Json& value) { Text(to.emplace())(value); };
  }
  Take Switch(bool& to) {
    return [this, &to](const Json& value) {
      if (!value.is_boolean()) return Misfit(value, "bool");
      to = value.get<bool>();
    };
  }
  template <typename T>
  Take List(std::vector<T>& to, const char* go_type, std::function<void(const Json&, T&)> each) {
    return [this, &to, go_type, each](const Json& value) {
      if (!value.is_array()) return Misfit(value, fmt::format("[]{}", go_type));
      for (size_t i = 0; i < value.size() && broken_.empty(); ++i) {
        Within(fmt::format("[{}]", i), "", [&] { each(value[i], to.emplace_back()); });
      }
    };
  }
  Take Texts(std::vector<std::string>& to) {
    return List<std::string>(to, "string",
                             [this](const Json& value, std::string& text) { Text(text)(value); });
  }

  Result<> End() const {
    if (!broken_.empty()) return Fail(Reason::kInvalid, broken_);
    if (strict_.empty()) return {};
    return Fail(Reason::kInvalid,
                fmt::format("strict decoding error: {}", fmt::join(strict_, ", ")));
  }

 private:
  void Within(const std::string& step, const std::string& go_step,
              const std::function<void()>& work) {
    const size_t size = path_.size();
    const size_t go_size = go_path_.size();
    path_ += step;
    go_path_ += go_step;
    work();
    path_.resize(size);
    go_path_.resize(go_size);
  }
  void Misfit(const Json& json, const std::string& go_type) {
    if (!broken_.empty()) return;
    const char* kind = json.is_string()    ? "string"
                       : json.is_boolean() ? "bool"
                       : json.is_number()  ? "number"
                       : json.is_array()   ? "array"
                                           : "object";
    broken_ = fmt::format("json: cannot unmarshal {} into Go struct field {}{} of type {}", kind,
                          struct_, go_path_, go_type);
  }

  std::vector<std::string> strict_;
  std::string broken_;
  std::string path_, go_path_;
  const char* struct_ = kConfigKind.data();
};

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

// Which kind it says it is; errors are those of Kubernetes' decoder.
Result<> CheckConfigurationKind(const Json& document, std::string_view text) {
  const auto word = [&](const char* name) {
    const auto found = document.is_object() ? document.find(name) : document.end();
    return document.is_object() && found != document.end() && found->is_string()
               ? found->get<std::string>()
               : std::string();
  };
  const std::string kind = word("kind");
  const std::string version = word("apiVersion");
  for (const auto& [name, value] : {std::pair("Kind", kind), std::pair("apiVersion", version)}) {
    if (value.empty()) {
      return Fail(Reason::kInvalid, fmt::format("Object '{}' is missing in '{}'", name, text));
    }
  }
  const bool is_known = version == fmt::format("{}v1", kConfigGroup) ||
                        version == fmt::format("{}v1beta1", kConfigGroup) ||
                        version == fmt::format("{}v1alpha1", kConfigGroup);
  if (is_known && kind == kConfigKind) return {};
  for (const char* other :
       {"AuthorizationConfiguration", "AdmissionConfiguration", "EncryptionConfiguration",
        "EgressSelectorConfiguration", "TracingConfiguration"}) {
    if (is_known && kind == other) {
      return Fail(Reason::kInvalid,
                  fmt::format("expected {}, got *apiserver.{}", kConfigKind, other));
    }
  }
  return Fail(Reason::kInvalid,
              fmt::format("no kind \"{}\" is registered for version \"{}\" in scheme "
                          "\"pkg/runtime/scheme.go:111\"",
                          kind, version));
}

}  // namespace

Result<AuthenticationConfiguration> ReadAuthenticationConfiguration(std::string_view text) {
  if (text.empty()) return Fail(Reason::kInvalid, "empty config data");
  // Go takes what begins as JSON does for that alone.
  if (WithoutBlanks(text).starts_with('{')) {
    if (const auto json = ParseJson(text); !json) {
      return Fail(Reason::kInvalid,
                  "couldn't get version/kind; json parse error: " + json.error().message);
    }
  }
  const YamlDocument yaml = TRY(ParseYaml(text));
  TRY(CheckConfigurationKind(yaml.value, text));
  std::vector<std::string> strict;
  if (!yaml.duplicates.empty()) {
    strict.push_back(
        fmt::format("yaml: unmarshal errors:\n  {}", fmt::join(yaml.duplicates, "\n  ")));
  }
  ConfigurationReading in(std::move(strict));
  AuthenticationConfiguration to;
  const auto pass = [](const Json&) {};
  in.Object(yaml.value, kConfigKind.data(),
            {{"kind", pass},
             {"apiVersion", pass},
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
