#include "apiserver/audit/audit_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "api/codec/json.h"
#include "api/rules/names.h"
#include "api/text/configuration_file.h"
#include "api/violations.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"None", "Metadata", "Request",
                                                     "RequestResponse"};
constexpr std::array<std::string_view, kAuditStages> kStages = {
    "RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"};

bool Has(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool FitsPath(std::string_view pattern, std::string_view path) {
  if (pattern == "*" || pattern == path) return true;
  return pattern.ends_with('*') && path.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

std::string_view NameOf(AuditLevel level) {
  return kLevels[static_cast<size_t>(level)];
}

std::string_view NameOf(AuditStage stage) {
  return kStages[static_cast<size_t>(stage)];
}

// What a document says, and what of it is wrong.
class AuditPolicy::Reading {
 public:
  Result<AuditPolicy> Of(const YamlDocument& yaml, std::vector<std::string>& notes) {
    std::vector<std::string> stages;
    std::optional<bool> omits;
    std::vector<Written> rules;
    ConfigurationReading in("Policy", yaml.duplicates);
    in.Object(
        yaml.value, "Policy",
        {{"kind", ConfigurationReading::Pass},
         {"apiVersion", ConfigurationReading::Pass},
         {"metadata", ConfigurationReading::Pass},
         {"omitStages", in.Texts(stages, "v1.Stage")},
         {"omitManagedFields", in.Switch(omits)},
         {"rules", in.List<Written>(rules, "v1.PolicyRule", [&](const Json& item, Written& rule) {
            ReadRule(in, item, rule);
          })}});
    if (const auto types = in.EndOfTypes(); !types) {
      return Fail(Reason::kInvalid, "failed decoding: " + types.error().message);
    }
    for (const std::string& each : in.strict()) notes.push_back("audit policy: " + each);
    AuditDecision common;
    common.omits_managed_fields = omits.value_or(false);
    Judge(stages, FieldPath("omitStages"), common);
    AuditPolicy policy;
    for (size_t i = 0; i < rules.size(); ++i) {
      Judge(rules[i], FieldPath("rules").Index(i), common);
      policy.rules_.push_back(std::move(rules[i].rule));
    }
    if (!wrong_.empty()) return Fail(Reason::kInvalid, wrong_.Text());
    if (rules.empty()) return Fail(Reason::kInvalid, "loaded illegal policy with 0 rules");
    return policy;
  }

 private:
  struct Written {
    Rule rule;
    std::string level;
    std::vector<std::string> stages;
    std::optional<bool> omits_managed_fields;
  };

  static void ReadRule(ConfigurationReading& in, const Json& json, Written& to) {
    Rule& rule = to.rule;
    in.Object(json, "PolicyRule",
              {{"level", in.Text(to.level, "v1.Level")},
               {"users", in.Texts(rule.users)},
               {"userGroups", in.Texts(rule.groups)},
               {"verbs", in.Texts(rule.verbs)},
               {"namespaces", in.Texts(rule.namespaces)},
               {"nonResourceURLs", in.Texts(rule.urls)},
               {"omitStages", in.Texts(to.stages, "v1.Stage")},
               {"omitManagedFields", in.Switch(to.omits_managed_fields)},
               {"resources", in.List<Resources>(rule.resources, "v1.GroupResources",
                                                [&](const Json& item, Resources& each) {
                                                  in.Object(
                                                      item, "GroupResources",
                                                      {{"group", in.Text(each.group)},
                                                       {"resources", in.Texts(each.resources)},
                                                       {"resourceNames", in.Texts(each.names)}});
                                                })}});
  }

  void Judge(Written& written, const FieldPath& path, const AuditDecision& common) {
    Rule& rule = written.rule;
    rule.decision = common;
    rule.decision.omits_managed_fields =
        written.omits_managed_fields.value_or(common.omits_managed_fields);
    rule.decision.level = LevelOf(written.level, path.Child("level"));
    CheckUrls(rule.urls, path.Child("nonResourceURLs"));
    for (const Resources& each : rule.resources) CheckResources(each, path.Child("resources"));
    Judge(written.stages, path.Child("omitStages"), rule.decision);
    if (rule.urls.empty() || (rule.resources.empty() && rule.namespaces.empty())) return;
    wrong_.Invalid(path.Child("nonResourceURLs"), Json(rule.urls),
                   "rules cannot apply to both regular resources and non-resource URLs");
  }

  AuditLevel LevelOf(const std::string& text, const FieldPath& path) {
    const auto found = std::find(kLevels.begin(), kLevels.end(), text);
    if (found != kLevels.end()) return static_cast<AuditLevel>(found - kLevels.begin());
    if (text.empty()) wrong_.Required(path);
    else wrong_.NotSupported(path, text, {kLevels.begin(), kLevels.end()});
    return AuditLevel::kNone;
  }

  void Judge(const std::vector<std::string>& stages, const FieldPath& path,
             AuditDecision& decision) {
    for (size_t i = 0; i < stages.size(); ++i) {
      const auto found = std::find(kStages.begin(), kStages.end(), stages[i]);
      if (found != kStages.end()) {
        decision.omitted[static_cast<size_t>(found - kStages.begin())] = true;
      } else {
        wrong_.Invalid(path.Index(i), stages[i],
                       "allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic");
      }
    }
  }

  // Of one of them; Kubernetes does not say which.
  void CheckResources(const Resources& resources, const FieldPath& path) {
    if (!resources.group.empty()) {
      const auto faults = NameIsDnsSubdomain(resources.group, false);
      if (!faults.empty()) {
        wrong_.Invalid(path.Child("group"), resources.group,
                       fmt::format("{}", fmt::join(faults, ",")));
      }
    }
    if (resources.names.empty() || !resources.resources.empty()) return;
    wrong_.Invalid(path.Child("resourceNames"), Json(resources.names),
                   "using resourceNames requires at least one resource");
  }

  void CheckUrls(const std::vector<std::string>& urls, const FieldPath& path) {
    for (size_t i = 0; i < urls.size(); ++i) {
      const std::string& url = urls[i];
      if (url == "*") continue;
      if (!url.starts_with('/')) {
        wrong_.Invalid(path.Index(i), url,
                       "non-resource URL rules must begin with a '/' character");
      }
      if (url.find('*') < url.size() - 1) {
        wrong_.Invalid(path.Index(i), url,
                       "non-resource URL wildcards '*' must be the final character of the rule");
      }
    }
  }

  Violations wrong_;
};

Result<AuditPolicy> AuditPolicy::Parse(std::string_view text, std::vector<std::string>& notes) {
  const auto failed = [](const std::string& why) {
    return Fail(Reason::kInvalid, "failed decoding: " + why);
  };
  const auto yaml = ParseConfiguration(text);
  if (!yaml) return failed(yaml.error().message);
  const auto meta = TypeMetaOf(yaml->value);
  if (!meta) return failed("couldn't get version/kind; json parse error: " + meta.error().message);
  if (meta->api_version.empty()) {
    return Fail(Reason::kInvalid,
                "unknown group version field audit.k8s.io/__internal, Kind=Policy in policy");
  }
  const bool is_other = meta->kind == "Event" || meta->kind == "EventList";
  const bool is_policy = meta->kind.empty() || meta->kind == "Policy";
  if (meta->api_version != "audit.k8s.io/v1" || (!is_other && !is_policy)) {
    return failed(NoSuchConfiguration(*meta).message);
  }
  if (is_other) {
    return failed("converting (v1." + meta->kind + ") to (audit.Policy): unknown conversion");
  }
  return Reading().Of(*yaml, notes);
}

Result<AuditPolicy> AuditPolicy::Load(std::string_view text, const std::string& file,
                                      std::vector<std::string>& notes) {
  auto policy = Parse(text, notes);
  if (policy) return policy;
  return Fail(policy.error().reason, fmt::format("loading audit policy file: {}: from file {}",
                                                 policy.error().message, file));
}

AuditDecision AuditPolicy::Decide(const User& user, const RequestInfo& info) const {
  const auto rule = std::find_if(rules_.begin(), rules_.end(),
                                 [&](const Rule& each) { return Fits(each, user, info); });
  return rule == rules_.end() ? AuditDecision() : rule->decision;
}

bool AuditPolicy::Fits(const Rule& rule, const User& user, const RequestInfo& info) {
  if (!rule.users.empty() && !Has(rule.users, user.name)) return false;
  if (!rule.groups.empty() &&
      std::none_of(rule.groups.begin(), rule.groups.end(),
                   [&](const std::string& group) { return user.InGroup(group); })) {
    return false;
  }
  if (!rule.verbs.empty() && !Has(rule.verbs, info.verb)) return false;
  if (!rule.namespaces.empty() || !rule.resources.empty()) return FitsResource(rule, info);
  if (rule.urls.empty()) return true;
  return !info.is_resource &&
         std::any_of(rule.urls.begin(), rule.urls.end(),
                     [&](const std::string& url) { return FitsPath(url, info.path); });
}

bool AuditPolicy::FitsResource(const Rule& rule, const RequestInfo& info) {
  if (!info.is_resource) return false;
  if (!rule.namespaces.empty() && !Has(rule.namespaces, info.namespace_name)) return false;
  if (rule.resources.empty()) return true;
  const std::string whole =
      info.subresource.empty() ? info.resource : info.resource + "/" + info.subresource;
  const auto names = [&](std::string_view resource) {
    if (resource == "*" || resource == whole) return true;
    if (resource.starts_with("*/")) {
      return !info.subresource.empty() && resource.substr(2) == info.subresource;
    }
    return resource.ends_with("/*") && resource.substr(0, resource.size() - 2) == info.resource;
  };
  return std::any_of(rule.resources.begin(), rule.resources.end(), [&](const Resources& each) {
    if (each.group != info.group) return false;
    if (each.resources.empty()) return true;
    if (!each.names.empty() && !Has(each.names, info.name)) return false;
    return std::any_of(each.resources.begin(), each.resources.end(), names);
  });
}

}  // namespace skiff
