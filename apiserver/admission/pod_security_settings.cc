#include "apiserver/admission/pod_security_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "api/rules/names.h"
#include "api/text/configuration_file.h"

namespace skiff {
namespace {

constexpr std::string_view kPrefix = "pod-security.kubernetes.io/";
constexpr char kSettingsKind[] = "PodSecurityConfiguration";
constexpr const char* kLevelText = "must be one of privileged, baseline, restricted";
constexpr const char* kVersionText = "must be \"latest\" or \"v1.x\"";

using Labels = std::map<std::string, std::string>;

std::optional<SecurityLevel> ParseLevel(std::string_view text) {
  if (text == "privileged") return SecurityLevel::kPrivileged;
  if (text == "baseline") return SecurityLevel::kBaseline;
  if (text == "restricted") return SecurityLevel::kRestricted;
  return std::nullopt;
}

using Minor = std::optional<int64_t>;

std::optional<Minor> ParseVersion(std::string_view text) {
  if (text == "latest") return std::optional<Minor>(std::in_place);
  if (!text.starts_with("v1.")) return std::nullopt;
  text.remove_prefix(3);
  if (text.starts_with('-') || (text.size() > 1 && text.starts_with('0'))) return std::nullopt;
  int64_t minor = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), minor);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::optional<Minor>(std::in_place, minor);
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
    policy.minor = parsed.value_or(Minor());
    if (!parsed) wrong.Invalid(path.Key(version->first), version->second, kVersionText);
  }
  return has_level;
}

bool AreAlike(const SecurityPolicy& one, const SecurityPolicy& other) {
  if (one.level != other.level) return false;
  return one.level == SecurityLevel::kPrivileged || one.minor == other.minor;
}

struct WrittenDefault {
  std::string level, version;
};
struct WrittenSettings {
  WrittenDefault enforce, audit, warn;
  std::vector<std::string> users, namespaces, runtime_classes;
};

SecurityPolicy PolicyOf(const WrittenDefault& written, const char* mode,
                        std::vector<std::string>& wrong) {
  SecurityPolicy policy;
  if (!written.level.empty()) {
    const auto parsed = ParseLevel(written.level);
    if (!parsed) wrong.push_back(fmt::format("{}: {}", mode, kLevelText));
    policy.level = parsed.value_or(SecurityLevel::kRestricted);
  }
  if (!written.version.empty()) {
    const auto parsed = ParseVersion(written.version);
    if (!parsed) wrong.push_back(fmt::format("{}-version: {}", mode, kVersionText));
    policy.minor = parsed.value_or(Minor());
  }
  return policy;
}

Result<WrittenSettings> Decode(std::string_view text) {
  const YamlDocument yaml = TRY(ParseConfiguration(text));
  const TypeMeta meta = TRY(ConfigurationMeta(yaml.value, text));
  static const std::set<std::string_view> kVersions = {
      "pod-security.admission.config.k8s.io/v1", "pod-security.admission.config.k8s.io/v1beta1",
      "pod-security.admission.config.k8s.io/v1alpha1"};
  if (std::string_view(meta.kind) != kSettingsKind || !kVersions.contains(meta.api_version)) {
    return Fail(NoSuchConfiguration(meta));
  }
  WrittenSettings all;
  ConfigurationReading in(kSettingsKind, yaml.duplicates);
  in.Object(yaml.value, kSettingsKind,
            {{"kind", ConfigurationReading::Pass},
             {"apiVersion", ConfigurationReading::Pass},
             {"defaults",
              [&](const Json& defaults) {
                in.Object(defaults, "PodSecurityDefaults",
                          {{"enforce", in.Text(all.enforce.level)},
                           {"enforce-version", in.Text(all.enforce.version)},
                           {"audit", in.Text(all.audit.level)},
                           {"audit-version", in.Text(all.audit.version)},
                           {"warn", in.Text(all.warn.level)},
                           {"warn-version", in.Text(all.warn.version)}});
              }},
             {"exemptions", [&](const Json& exemptions) {
                in.Object(exemptions, "PodSecurityExemptions",
                          {{"usernames", in.Texts(all.users)},
                           {"namespaces", in.Texts(all.namespaces)},
                           {"runtimeClasses", in.Texts(all.runtime_classes)}});
              }}});
  TRY(in.End());
  return all;
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

Result<PodSecuritySettings> ReadPodSecuritySettings(std::string_view text) {
  const auto written = Decode(text);
  if (!written) {
    return Fail(Reason::kInvalid,
                "couldn't init admission plugin \"PodSecurity\": " + written.error().message);
  }
  std::vector<std::string> faults;
  const PodSecuritySettings settings{
      .defaults = {.enforce = PolicyOf(written->enforce, "enforce", faults),
                   .audit = PolicyOf(written->audit, "audit", faults),
                   .warn = PolicyOf(written->warn, "warn", faults)},
      .exempt_users = written->users,
      .exempt_namespaces = written->namespaces,
      .exempt_runtime_classes = written->runtime_classes};
  const auto failed = [](std::string_view why) {
    return Fail(Reason::kInvalid,
                fmt::format("failed to initialize admission plugin \"PodSecurity\": {}", why));
  };
  if (faults.size() == 1) return failed("PodSecurity configuration error: " + faults[0]);
  if (!faults.empty()) {
    return failed(fmt::format("PodSecurity configuration error: [{}]", fmt::join(faults, ", ")));
  }
  Violations wrong;
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
  if (!wrong.empty()) return failed("PodSecurity invalid: " + wrong.Text());
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
