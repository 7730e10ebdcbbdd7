#include "apiserver/admission/pod_security_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "api/rules/names.h"
#include "apiserver/admission/strict_fields.h"

namespace skiff {
namespace {

constexpr std::string_view kPrefix = "pod-security.kubernetes.io/";
constexpr const char* kLevelText = "must be one of privileged, baseline, restricted";
constexpr const char* kVersionText = "must be \"latest\" or \"v1.x\"";

using Labels = std::map<std::string, std::string>;

std::optional<SecurityLevel> ParseLevel(std::string_view text) {
  if (text == "privileged") return SecurityLevel::kPrivileged;
  if (text == "baseline") return SecurityLevel::kBaseline;
  if (text == "restricted") return SecurityLevel::kRestricted;
  return std::nullopt;
}

std::optional<int> ParseVersion(std::string_view text) {
  if (text == "latest") return 0;
  if (!text.starts_with("v1.")) return std::nullopt;
  text.remove_prefix(3);
  if (text.size() > 1 && text.starts_with('0')) return std::nullopt;
  int minor = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), minor);
  if (code != std::errc() || end != text.data() + text.size() || minor < 0) return std::nullopt;
  return minor;
}

std::string LabelKey(std::string_view mode, std::string_view suffix = "") {
  return std::string(kPrefix) + std::string(mode) + std::string(suffix);
}

// Reads one mode; a level that does not parse counts as `fallback`. True: it names a level.
bool ReadMode(const Labels& labels, std::string_view mode, SecurityLevel fallback,
              SecurityPolicy& policy, Violations& wrong) {
  const FieldPath path = FieldPath("metadata").Child("labels");
  bool has_level = false;
  if (const auto level = labels.find(LabelKey(mode)); level != labels.end()) {
    const auto parsed = ParseLevel(level->second);
    policy.level = parsed.value_or(fallback);
    has_level = parsed.has_value();
    if (!parsed) wrong.Invalid(path.Key(level->first), level->second, kLevelText);
  }
  if (const auto version = labels.find(LabelKey(mode, "-version")); version != labels.end()) {
    const auto parsed = ParseVersion(version->second);
    policy.minor = parsed.value_or(0);
    if (!parsed) wrong.Invalid(path.Key(version->first), version->second, kVersionText);
  }
  return has_level;
}

bool AreAlike(const SecurityPolicy& one, const SecurityPolicy& other) {
  if (one.level != other.level) return false;
  return one.level == SecurityLevel::kPrivileged || one.minor == other.minor;
}

SecurityPolicy ReadDefault(const StrictFields& fields, const char* mode, Violations& wrong) {
  SecurityPolicy policy;
  const FieldPath path("defaults");
  const std::string version_field = std::string(mode) + "-version";
  const std::string level = fields.Text(mode);
  const std::string version = fields.Text(version_field);
  if (!level.empty()) {
    const auto parsed = ParseLevel(level);
    if (!parsed) wrong.Invalid(path.Child(mode), level, kLevelText);
    policy.level = parsed.value_or(SecurityLevel::kRestricted);
  }
  if (!version.empty()) {
    const auto parsed = ParseVersion(version);
    if (!parsed) wrong.Invalid(path.Child(version_field), version, kVersionText);
    policy.minor = parsed.value_or(0);
  }
  return policy;
}

std::string Joined(const Messages& messages) {
  return fmt::format("{}", fmt::join(messages, ", "));
}

// `fault` says what is wrong with one; "": nothing.
template <typename Fault>
void CheckExempt(const std::vector<std::string>& names, const char* field, Fault fault,
                Violations& wrong) {
  const FieldPath path = FieldPath("exemptions").Child(field);
  std::set<std::string> seen;
  for (size_t i = 0; i < names.size(); ++i) {
    if (const std::string text = fault(names[i]); !text.empty()) {
      wrong.Invalid(path.Index(i), names[i], text);
    } else if (!seen.insert(names[i]).second) {
      wrong.Duplicate(path.Index(i), names[i]);
    }
  }
}

}  // namespace

bool PodSecurityPolicies::AllPrivileged() const {
  constexpr auto kNothing = SecurityLevel::kPrivileged;
  return enforce.level == kNothing && audit.level == kNothing && warn.level == kNothing;
}

Result<PodSecuritySettings> ReadPodSecuritySettings(const Json& document) {
  StrictFaults faults;
  const StrictFields all(document, "", {"kind", "apiVersion", "defaults", "exemptions"}, faults);
  const std::string version = all.Text("apiVersion");
  if (all.Text("kind") != "PodSecurityConfiguration" ||
      (version != "pod-security.admission.config.k8s.io/v1" &&
       version != "pod-security.admission.config.k8s.io/v1beta1" &&
       version != "pod-security.admission.config.k8s.io/v1alpha1")) {
    return Fail(Reason::kInvalid, fmt::format("no kind \"{}\" is registered for version \"{}\"",
                                              all.Text("kind"), version));
  }
  const StrictFields defaults = all.Object(
      "defaults",
      {"enforce", "enforce-version", "audit", "audit-version", "warn", "warn-version"});
  const StrictFields exempt =
      all.Object("exemptions", {"usernames", "namespaces", "runtimeClasses"});
  Violations wrong;
  PodSecuritySettings settings{
      .defaults = {.enforce = ReadDefault(defaults, "enforce", wrong)},
      .exempt_users = exempt.List("usernames"),
      .exempt_namespaces = exempt.List("namespaces"),
      .exempt_runtime_classes = exempt.List("runtimeClasses")};
  settings.defaults.warn = ReadDefault(defaults, "warn", wrong);
  settings.defaults.audit = ReadDefault(defaults, "audit", wrong);
  TRY(faults.Check());
  CheckExempt(
      settings.exempt_namespaces, "namespaces",
      [](const std::string& name) { return Joined(NameIsDnsLabel(name, false)); }, wrong);
  CheckExempt(
      settings.exempt_runtime_classes, "runtimeClasses",
      [](const std::string& name) { return Joined(NameIsDnsSubdomain(name, false)); }, wrong);
  CheckExempt(
      settings.exempt_users, "usernames",
      [](const std::string& name) { return name.empty() ? "username must not be empty" : ""; },
      wrong);
  if (!wrong.empty()) return Fail(Reason::kInvalid, wrong.Text());
  return settings;
}

PodSecurityPolicies PoliciesOf(const Labels& labels, const PodSecurityPolicies& defaults,
                               Violations& wrong) {
  PodSecurityPolicies policies = defaults;
  const bool enforces =
      ReadMode(labels, "enforce", SecurityLevel::kRestricted, policies.enforce, wrong);
  ReadMode(labels, "audit", SecurityLevel::kPrivileged, policies.audit, wrong);
  ReadMode(labels, "warn", SecurityLevel::kPrivileged, policies.warn, wrong);
  // Who enforces more than he is warned of, and says nothing about warnings, wants to be warned.
  if (enforces && !labels.contains(LabelKey("warn")) &&
      policies.enforce.level > policies.warn.level) {
    policies.warn.level = policies.enforce.level;
    if (!labels.contains(LabelKey("warn", "-version"))) {
      policies.warn.minor = policies.enforce.minor;
    }
  }
  return policies;
}

std::string ExemptNamespaceWarning(const std::string& name, const Labels& labels,
                                   const PodSecurityPolicies& policies,
                                   const PodSecurityPolicies& defaults) {
  if (policies.AllPrivileged() ||
      (AreAlike(policies.enforce, defaults.enforce) && AreAlike(policies.audit, defaults.audit) &&
       AreAlike(policies.warn, defaults.warn))) {
    return "";
  }
  std::string said;
  for (const auto& [mode, policy] : {std::pair("enforce", policies.enforce),
                                     std::pair("audit", policies.audit),
                                     std::pair("warn", policies.warn)}) {
    const bool is_said =
        labels.contains(LabelKey(mode)) || labels.contains(LabelKey(mode, "-version"));
    if (policy.level == SecurityLevel::kPrivileged || !is_said) continue;
    said += fmt::format("{}{}={}", said.empty() ? "" : ", ", mode, policy.Text());
  }
  return fmt::format("namespace \"{}\" is exempt from Pod Security, and the policy ({}) will be "
                     "ignored",
                     name, said);
}

}  // namespace skiff
