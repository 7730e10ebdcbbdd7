// The rules of an AuthenticationConfiguration, in the order in which kube-apiserver tells of them.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/rules/names.h"
#include "apiserver/tokens/authentication_configuration.h"
#include "apiserver/tokens/issuer_url.h"
#include "base/text.h"
#include "http/tls.h"

namespace skiff {
namespace {

constexpr size_t kAuthenticatorsMax = 64;
constexpr std::string_view kBoth = "claim and expression can't both be set";
constexpr std::string_view kEither = "claim or expression is required";

// Whether texts are told twice.
class Seen {
 public:
  bool Again(const std::string& text) { return !seen_.insert(text).second; }

 private:
  std::set<std::string> seen_;
};

void CheckIssuerUrl(const std::string& text, const FieldPath& path, Violations& wrong) {
  const IssuerUrl url = IssuerUrl::Parse(text);
  if (!url.error.empty()) return wrong.Invalid(path, text, url.error);
  if (url.scheme != "https") wrong.Invalid(path, text, "URL scheme must be https");
  if (url.has_user) wrong.Invalid(path, text, "URL must not contain a username or password");
  if (!url.query.empty()) wrong.Invalid(path, text, "URL must not contain a query");
  if (!url.fragment.empty()) wrong.Invalid(path, text, "URL must not contain a fragment");
}

std::string_view WithoutEndSlashes(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

// "": certificates stand in the text.
std::string AuthoritiesFault(const std::string& pem) {
  const bool is_good = http::MakeClientContext({.ca_pem = pem}).has_value();
  return is_good ? "" : "data does not contain any valid RSA or ECDSA certificates";
}

void CheckAudiences(const IssuerConfiguration& issuer, const FieldPath& at, Violations& wrong) {
  const FieldPath path = at.Child("audiences");
  const auto& audiences = issuer.audiences;
  if (audiences.empty()) {
    return wrong.Required(path, fmt::format("at least one {} is required", path.Text()));
  }
  Seen seen;
  for (size_t i = 0; i < audiences.size(); ++i) {
    if (audiences[i].empty()) wrong.Required(path.Index(i));
    if (seen.Again(audiences[i])) wrong.Duplicate(path.Index(i), audiences[i]);
  }
  const std::string& policy = issuer.audience_match_policy;
  if (audiences.size() > 1 && policy != "MatchAny") {
    wrong.Invalid(at.Child("audienceMatchPolicy"), policy,
                  "audienceMatchPolicy must be MatchAny for multiple audiences");
  } else if (audiences.size() == 1 && !policy.empty() && policy != "MatchAny") {
    wrong.Invalid(at.Child("audienceMatchPolicy"), policy,
                  "audienceMatchPolicy must be empty or MatchAny for single audience");
  }
}

void CheckIssuer(const IssuerConfiguration& issuer, const FieldPath& at, Violations& wrong) {
  if (issuer.url.empty()) {
    wrong.Required(at.Child("url"));
  } else {
    CheckIssuerUrl(issuer.url, at.Child("url"), wrong);
  }
  if (!issuer.discovery_url.empty()) {
    const FieldPath path = at.Child("discoveryURL");
    if (!issuer.url.empty() &&
        WithoutEndSlashes(issuer.url) == WithoutEndSlashes(issuer.discovery_url)) {
      wrong.Invalid(path, issuer.discovery_url, "discoveryURL must be different from URL");
    }
    CheckIssuerUrl(issuer.discovery_url, path, wrong);
  }
  CheckAudiences(issuer, at, wrong);
  if (!issuer.certificate_authority.empty()) {
    if (const auto fault = AuthoritiesFault(issuer.certificate_authority); !fault.empty()) {
      wrong.Invalid(at.Child("certificateAuthority"), "<omitted>", fault);
    }
  }
  const std::string& egress = issuer.egress_selector_type;
  if (!egress.empty() && egress != "controlplane" && egress != "cluster") {
    wrong.Invalid(at.Child("egressSelectorType"), egress,
                  "egress selector must be either controlplane or cluster");
  }
}

// Compiles it; what comes of that goes to `program`.
void Prepare(Result<ClaimProgram> compiled, const std::string& expression, const FieldPath& path,
             ClaimProgram& program, Violations& wrong) {
  if (compiled) {
    program = *std::move(compiled);
  } else {
    wrong.Invalid(path, expression, compiled.error().message);
  }
}

void CheckClaimRules(JwtConfiguration& jwt, const FieldPath& at, Violations& wrong) {
  Seen claims, expressions;
  for (size_t i = 0; i < jwt.claim_rules.size(); ++i) {
    ClaimRule& rule = jwt.claim_rules[i];
    const FieldPath path = at.Index(i);
    if (!rule.claim.empty() && !rule.expression.empty()) {
      wrong.Invalid(path, rule.claim, kBoth);
    } else if (!rule.claim.empty()) {
      if (!rule.message.empty()) {
        wrong.Invalid(path.Child("message"), rule.message,
                      "may not be specified when claim is set");
      }
      if (claims.Again(rule.claim)) wrong.Duplicate(path.Child("claim"), rule.claim);
    } else if (rule.expression.empty()) {
      wrong.Required(path, kEither);
    } else {
      if (!rule.required_value.empty()) {
        wrong.Invalid(path.Child("requiredValue"), rule.required_value,
                      "may not be specified when expression is set");
      }
      if (expressions.Again(rule.expression)) {
        wrong.Duplicate(path.Child("expression"), rule.expression);
        continue;
      }
      Prepare(CompileClaims(rule.expression, ClaimResult::kBool), rule.expression,
              path.Child("expression"), rule.program, wrong);
    }
  }
}

void CheckPrefixed(ClaimMapping& mapping, const FieldPath& path, bool required, Violations& wrong) {
  if (!mapping.expression.empty() && !mapping.claim.empty()) {
    wrong.Invalid(path, "", kBoth);
  } else if (!mapping.expression.empty()) {
    if (mapping.prefix) {
      wrong.Invalid(path.Child("prefix"), *mapping.prefix,
                    "may not be specified when expression is set");
    }
    Prepare(CompileClaims(mapping.expression, ClaimResult::kAny), mapping.expression,
            path.Child("expression"), mapping.program, wrong);
  } else if (!mapping.claim.empty()) {
    if (!mapping.prefix) {
      wrong.Required(path.Child("prefix"),
                     "prefix is required when claim is set. It can be set to an empty string to "
                     "disable prefixing");
    }
  } else if (required) {
    wrong.Required(path, kEither);
  }
}

bool IsReservedDomain(std::string_view key) {
  const std::string domain = "." + std::string(key.substr(0, key.find('/')));
  return key.find('/') != key.npos && (std::string_view(domain).ends_with(".kubernetes.io") ||
                                       std::string_view(domain).ends_with(".k8s.io"));
}

void CheckExtra(JwtConfiguration& jwt, const FieldPath& at, Violations& wrong) {
  Seen keys;
  for (size_t i = 0; i < jwt.extra.size(); ++i) {
    ExtraMapping& extra = jwt.extra[i];
    const FieldPath path = at.Index(i);
    const FieldPath key = path.Child("key");
    ValidateDomainPrefixedPath(extra.key, key, wrong);
    if (extra.key != Lower(extra.key)) wrong.Invalid(key, extra.key, "must be lowercase");
    if (IsReservedDomain(extra.key)) {
      wrong.Invalid(key, extra.key,
                    "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use");
    }
    if (keys.Again(extra.key)) {
      wrong.Duplicate(key, extra.key);
    } else if (extra.expression.empty()) {
      wrong.Required(path.Child("valueExpression"));
    } else {
      Prepare(CompileClaims(extra.expression, ClaimResult::kAny), extra.expression,
              path.Child("valueExpression"), extra.program, wrong);
    }
  }
}

// Who goes by mail addresses sees to it that they were verified.
void CheckEmail(const JwtConfiguration& jwt, const FieldPath& at, Violations& wrong) {
  const auto uses = [](const ClaimProgram& program, std::string_view name) {
    return program && UsesClaim(*program, name);
  };
  if (!uses(jwt.username.program, "email")) return;
  const auto verifies = [&](const auto& each) { return uses(each.program, "email_verified"); };
  if (verifies(jwt.username) || std::any_of(jwt.extra.begin(), jwt.extra.end(), verifies) ||
      std::any_of(jwt.claim_rules.begin(), jwt.claim_rules.end(), verifies)) {
    return;
  }
  wrong.Invalid(at.Child("username").Child("expression"), jwt.username.expression,
                "claims.email_verified must be used in claimMappings.username.expression or "
                "claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when "
                "claims.email is used in claimMappings.username.expression");
}

void CheckMappings(JwtConfiguration& jwt, const FieldPath& at, Violations& wrong) {
  CheckPrefixed(jwt.username, at.Child("username"), true, wrong);
  CheckPrefixed(jwt.groups, at.Child("groups"), false, wrong);
  if (!jwt.uid.claim.empty() && !jwt.uid.expression.empty()) {
    wrong.Invalid(at.Child("uid"), "", kBoth);
  } else if (!jwt.uid.expression.empty()) {
    Prepare(CompileClaims(jwt.uid.expression, ClaimResult::kAny), jwt.uid.expression,
            at.Child("uid").Child("expression"), jwt.uid.program, wrong);
  }
  CheckExtra(jwt, at.Child("extra"), wrong);
  CheckEmail(jwt, at, wrong);
}

void CheckUserRules(JwtConfiguration& jwt, const FieldPath& at, Violations& wrong) {
  Seen expressions;
  for (size_t i = 0; i < jwt.user_rules.size(); ++i) {
    UserRule& rule = jwt.user_rules[i];
    const FieldPath path = at.Index(i).Child("expression");
    if (rule.expression.empty()) {
      wrong.Required(path);
    } else if (expressions.Again(rule.expression)) {
      wrong.Duplicate(path, rule.expression);
    } else {
      Prepare(CompileUser(rule.expression), rule.expression, path, rule.program, wrong);
    }
  }
}

}  // namespace

Violations PrepareAuthentication(AuthenticationConfiguration& configuration) {
  Violations wrong;
  const FieldPath root("jwt");
  if (configuration.jwt.size() > kAuthenticatorsMax) {
    wrong.TooMany(root, configuration.jwt.size(), kAuthenticatorsMax);
    return wrong;
  }
  Seen urls, discovery_urls;
  for (size_t i = 0; i < configuration.jwt.size(); ++i) {
    JwtConfiguration& jwt = configuration.jwt[i];
    const FieldPath path = root.Index(i);
    CheckIssuer(jwt.issuer, path.Child("issuer"), wrong);
    CheckClaimRules(jwt, path.Child("claimValidationRules"), wrong);
    CheckMappings(jwt, path.Child("claimMappings"), wrong);
    CheckUserRules(jwt, path.Child("userValidationRules"), wrong);
    const FieldPath issuer = path.Child("issuer");
    if (urls.Again(jwt.issuer.url)) wrong.Duplicate(issuer.Child("url"), jwt.issuer.url);
    if (!jwt.issuer.discovery_url.empty() && discovery_urls.Again(jwt.issuer.discovery_url)) {
      wrong.Duplicate(issuer.Child("discoveryURL"), jwt.issuer.discovery_url);
    }
  }
  const auto& anonymous = configuration.anonymous;
  if (anonymous && !anonymous->enabled && !anonymous->paths.empty()) {
    std::string shown;
    for (const std::string& path : anonymous->paths) {
      shown += fmt::format("{}{{\"Path\":{}}}", shown.empty() ? "[" : ",", Json(path).dump());
    }
    wrong.Invalid(FieldPath("anonymous").Child("conditions"), Printed::Verbatim(shown + "]"),
                  "enabled should be set to true when conditions are defined");
  }
  return wrong;
}

Violations CheckDisallowedIssuers(const AuthenticationConfiguration& configuration,
                                  const std::vector<std::string>& disallowed) {
  Violations wrong;
  for (const JwtConfiguration& jwt : configuration.jwt) {
    const std::string& url = jwt.issuer.url;
    if (std::find(disallowed.begin(), disallowed.end(), url) == disallowed.end()) continue;
    std::string list;
    for (const std::string& each : disallowed) list += (list.empty() ? "" : " ") + each;
    wrong.Invalid(FieldPath("issuer").Child("url"), url,
                  fmt::format("URL must not overlap with disallowed issuers: [{}]", list));
    break;
  }
  return wrong;
}

}  // namespace skiff
