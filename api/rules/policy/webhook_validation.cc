#include "api/rules/policy/webhook_validation.h"

#include <algorithm>
#include <set>

#include "api/gen/admissionregistration_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/policy/admission_expressions.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;
using Texts = std::vector<std::string>;

bool Has(const Texts& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// Resources with and without subresources, where stars cover what others name.
void ValidateResources(const Texts& resources, const FieldPath& path, Violations& out) {
  if (resources.empty()) return out.Required(path);
  std::set<std::string> all_subresources_of;  // "pods/*"
  std::set<std::string> everywhere;           // "*/scale"
  bool plain = false;
  for (size_t i = 0; i < resources.size(); ++i) {
    const std::string& resource = resources[i];
    if (resource.empty()) {
      out.Required(path.Index(i));
      continue;
    }
    const size_t slash = resource.find('/');
    if (slash == std::string::npos) {
      plain = resource != "*";
      continue;
    }
    const std::string of = resource.substr(0, slash);
    const std::string sub = resource.substr(slash + 1);
    if (all_subresources_of.contains(of)) {
      out.Invalid(path.Index(i), resource,
                  "if '" + of + "/*' is present, must not specify " + resource);
    }
    if (everywhere.contains(sub)) {
      out.Invalid(path.Index(i), resource,
                  "if '*/" + sub + "' is present, must not specify " + resource);
    }
    if (sub == "*") all_subresources_of.insert(of);
    if (of == "*") everywhere.insert(sub);
  }
  if (resources.size() > 1 && Has(resources, "*/*")) {
    out.Invalid(path, resources, "if '*/*' is present, must not specify other resources");
  }
  if (Has(resources, "*") && plain) {
    out.Invalid(path, resources,
                "if '*' is present, must not specify other resources without subresources");
  }
}

bool IsKnownReviewVersion(const std::string& version) {
  return version == "v1" || version == "v1beta1";
}

void ValidateReviewVersions(const Texts& versions, bool require_known, const FieldPath& path,
                            Violations& out) {
  if (versions.empty()) return out.Required(path, "must specify one of v1, v1beta1");
  std::set<std::string_view> seen;
  for (size_t i = 0; i < versions.size(); ++i) {
    if (!seen.insert(versions[i]).second) {
      out.Invalid(path.Index(i), versions[i], "duplicate version");
      continue;
    }
    CheckFormat(Dns1035LabelErrors, versions[i], path.Index(i), out);
  }
  if (require_known && std::ranges::none_of(versions, IsKnownReviewVersion)) {
    out.Invalid(path, versions, "must include at least one of v1, v1beta1");
  }
}

void ValidateClient(const WebhookClientConfig& client, const FieldPath& path, Violations& out) {
  if (client.url.has_value() == client.service.has_value()) {
    return out.Required(path, "exactly one of url or service is required");
  }
  if (client.url) return ValidateWebhookUrl(*client.url, path.Child("url"), out);
  const auto& service = *client.service;
  const FieldPath at = path.Child("service");
  // Kubernetes names the other of the two fields that is missing.
  if (service.namespace_.empty()) out.Required(at.Child("name"));
  if (service.name.empty()) out.Required(at.Child("namespace"));
  const int32_t port = service.port.value_or(0);
  for (const auto& message : PortNumberErrors(port)) {
    out.Invalid(at.Child("port"), port, "port is not valid: " + message);
  }
  if (service.path) ValidateWebhookServicePath(*service.path, at.Child("path"), out);
}

// What an object was allowed to have before, it may keep.
struct Leniency {
  bool any_side_effects = false;
  bool any_review_version = false;
  bool repeated_names = false;
  bool same_conditions = false;
};

void ValidateSideEffects(const std::optional<std::string>& effects, bool any, const FieldPath& path,
                         Violations& out) {
  if (!effects) return out.Required(path, "must specify one of None, NoneOnDryRun");
  if (any) return CheckOneOf(*effects, {"None", "NoneOnDryRun", "Some", "Unknown"}, path, out);
  CheckOneOf(*effects, {"None", "NoneOnDryRun"}, path, out);
}

template <typename Webhook>
void ValidateWebhook(const Webhook& webhook, const Leniency& leniency, const FieldPath& path,
                     Violations& out) {
  ValidateFullyQualifiedName(webhook.name, path.Child("name"), out);
  for (size_t i = 0; i < webhook.rules.size(); ++i) {
    const RuleWithOperations& rule = webhook.rules[i];
    const FieldPath at = path.Child("rules").Index(i);
    ValidateRuleOperations(rule.operations, at.Child("operations"), out);
    ValidateRuleTargets(rule.api_groups, rule.api_versions, rule.resources,
                        rule.scope ? &*rule.scope : nullptr, at, out);
  }
  const auto one_of = [&](const std::optional<std::string>& value, Words words, const char* field) {
    if (value) CheckOneOf(*value, words, path.Child(field), out);
  };
  one_of(webhook.failure_policy, {"Fail", "Ignore"}, "failurePolicy");
  one_of(webhook.match_policy, {"Equivalent", "Exact"}, "matchPolicy");
  ValidateSideEffects(webhook.side_effects, leniency.any_side_effects, path.Child("sideEffects"),
                      out);
  if (const auto& timeout = webhook.timeout_seconds; timeout && (*timeout < 1 || *timeout > 30)) {
    out.Invalid(path.Child("timeoutSeconds"), *timeout,
                "the timeout value must be between 1 and 30 seconds");
  }
  const auto selector = [&](const Box<meta_v1::LabelSelector>& value, const char* field) {
    if (value) ValidateLabelSelector(*value, {}, path.Child(field), out);
  };
  selector(webhook.namespace_selector, "namespaceSelector");
  selector(webhook.object_selector, "objectSelector");
  if constexpr (requires { webhook.reinvocation_policy; }) {
    one_of(webhook.reinvocation_policy, {"IfNeeded", "Never"}, "reinvocationPolicy");
  }
  ValidateClient(webhook.client_config, path.Child("clientConfig"), out);
  if (!leniency.same_conditions) {
    ValidateMatchConditions(webhook.match_conditions, false, path.Child("matchConditions"), out);
  }
}

template <typename Configuration>
bool HasRepeatedNames(const Configuration& configuration) {
  std::set<std::string_view> names;
  return std::ranges::any_of(configuration.webhooks, [&](const auto& webhook) {
    return !names.insert(webhook.name).second;
  });
}

template <typename Configuration>
Leniency LeniencyOf(const Configuration& object, const Configuration* old) {
  if (old == nullptr) return {};
  Leniency leniency;
  for (const auto& webhook : old->webhooks) {
    const std::string effects = webhook.side_effects.value_or("");
    if (effects != "None" && effects != "NoneOnDryRun") leniency.any_side_effects = true;
    if (std::ranges::none_of(webhook.admission_review_versions, IsKnownReviewVersion)) {
      leniency.any_review_version = true;
    }
  }
  leniency.repeated_names = HasRepeatedNames(*old);
  leniency.same_conditions = std::ranges::equal(
      object.webhooks, old->webhooks, [](const auto& webhook, const auto& before) {
        return webhook.match_conditions == before.match_conditions;
      });
  return leniency;
}

template <typename Configuration>
void ValidateAll(const Configuration& object, const Configuration* old, Violations& out) {
  const Leniency leniency = LeniencyOf(object, old);
  std::set<std::string_view> names;
  for (size_t i = 0; i < object.webhooks.size(); ++i) {
    const auto& webhook = object.webhooks[i];
    const FieldPath at = FieldPath("webhooks").Index(i);
    ValidateWebhook(webhook, leniency, at, out);
    ValidateReviewVersions(webhook.admission_review_versions, !leniency.any_review_version,
                           at.Child("admissionReviewVersions"), out);
    if (leniency.repeated_names || webhook.name.empty()) continue;
    if (!names.insert(webhook.name).second) {
      out.Duplicate(at.Child("name"), webhook.name);
    }
  }
}

}  // namespace

void ValidateRuleOperations(const Texts& operations, const FieldPath& path, Violations& out) {
  if (operations.empty()) return out.Required(path);
  if (operations.size() > 1 && Has(operations, "*")) {
    out.Invalid(path, operations, "if '*' is present, must not specify other operations");
  }
  for (size_t i = 0; i < operations.size(); ++i) {
    CheckOneOf(operations[i], {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"}, path.Index(i), out);
  }
}

void ValidateRuleTargets(const Texts& groups, const Texts& versions, const Texts& resources,
                         const std::string* scope, const FieldPath& path, Violations& out) {
  const FieldPath group_path = path.Child("apiGroups");
  if (groups.empty()) out.Required(group_path);
  if (groups.size() > 1 && Has(groups, "*")) {
    out.Invalid(group_path, groups, "if '*' is present, must not specify other API groups");
  }
  const FieldPath version_path = path.Child("apiVersions");
  if (versions.empty()) out.Required(version_path);
  if (versions.size() > 1 && Has(versions, "*")) {
    out.Invalid(version_path, versions, "if '*' is present, must not specify other API versions");
  }
  for (size_t i = 0; i < versions.size(); ++i) Require(versions[i], version_path.Index(i), out);
  ValidateResources(resources, path.Child("resources"), out);
  if (scope) CheckOneOf(*scope, {"*", "Cluster", "Namespaced"}, path.Child("scope"), out);
}

void ValidateWebhookUrl(const std::string& url, const FieldPath& path, Violations& out) {
  constexpr const char* kForm = "; desired format: https://host[/path]";
  const size_t colon = url.find(':');
  const size_t first_special = url.find_first_of("/?#");
  if (colon == 0) {
    return out.Required(path, "url must be a valid URL: parse " + GoQuote(url) +
                                  ": missing protocol scheme" + kForm);
  }
  const bool has_scheme = colon != std::string::npos && colon < first_special;
  const std::string scheme = has_scheme ? url.substr(0, colon) : "";
  if (scheme != "https") {
    out.Invalid(path, scheme, std::string("'https' is the only allowed URL scheme") + kForm);
  }
  std::string rest = has_scheme ? url.substr(colon + 1) : url;
  const size_t hash = rest.find('#');
  const std::string fragment = hash == std::string::npos ? "" : rest.substr(hash + 1);
  rest = rest.substr(0, hash);
  const size_t question = rest.find('?');
  const std::string query = question == std::string::npos ? "" : rest.substr(question + 1);
  rest = rest.substr(0, question);
  std::string authority;
  if (rest.starts_with("//")) {
    authority = rest.substr(2, std::min(rest.find('/', 2), rest.size()) - 2);
  }
  const size_t at = authority.rfind('@');
  const std::string user = at == std::string::npos ? "" : authority.substr(0, at);
  const std::string host = at == std::string::npos ? authority : authority.substr(at + 1);
  if (host.empty()) out.Invalid(path, host, std::string("host must be specified") + kForm);
  if (at != std::string::npos) {
    out.Invalid(path, user, "user information is not permitted in the URL");
  }
  if (!fragment.empty()) {
    out.Invalid(path, fragment, "fragments are not permitted in the URL");
  }
  if (!query.empty()) {
    out.Invalid(path, query, "query parameters are not permitted in the URL");
  }
}

void ValidateWebhookServicePath(const std::string& service_path, const FieldPath& path,
                                Violations& out) {
  if (service_path.empty() || service_path == "/") return;
  if (service_path == "//") return out.Invalid(path, service_path, "segment[0] may not be empty");
  if (!service_path.starts_with('/')) {
    out.Invalid(path, service_path, "must start with a '/'");
  }
  std::string inner = service_path.substr(1);  // Whatever its first character is.
  if (inner.ends_with('/')) inner.pop_back();
  size_t index = 0;
  for (size_t begin = 0; begin <= inner.size(); ++index) {
    const size_t end = std::min(inner.find('/', begin), inner.size());
    const std::string segment = inner.substr(begin, end - begin);
    const std::string name = "segment[" + std::to_string(index) + "]";
    if (segment.empty()) {
      out.Invalid(path, service_path, name + " may not be empty");
    } else {
      for (const auto& message : Dns1123SubdomainErrors(segment)) {
        out.Invalid(path, service_path, name + ": " + message);
      }
    }
    begin = end + 1;
  }
}

void ValidateWebhooks(const ValidatingWebhookConfiguration& object,
                      const ValidatingWebhookConfiguration* old, Violations& out) {
  ValidateAll(object, old, out);
}

void ValidateWebhooks(const MutatingWebhookConfiguration& object,
                      const MutatingWebhookConfiguration* old, Violations& out) {
  ValidateAll(object, old, out);
}

}  // namespace skiff
