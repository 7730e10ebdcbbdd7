#include "apiserver/audit/audit_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "api/text/yaml.h"
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
  explicit Reading(std::vector<std::string>& notes) : notes_(notes) {}

  Result<AuditPolicy> Of(const Json& document) {
    if (!document.is_object()) return Fail(Reason::kInvalid, "failed decoding: not an object");
    OnlyKnown(document, "", {"kind", "apiVersion", "metadata", "rules", "omitStages",
                             "omitManagedFields"});
    if (document.value("apiVersion", Json()) != "audit.k8s.io/v1" ||
        document.value("kind", Json()) != "Policy") {
      return Fail(Reason::kInvalid,
                  fmt::format("unknown group version field {} in policy",
                              document.value("apiVersion", Json("")).dump()));
    }
    AuditDecision common;
    ReadStages(document, FieldPath("omitStages"), common);
    common.omits_managed_fields = ReadBool(document, FieldPath("omitManagedFields"), false);
    AuditPolicy policy;
    const Json rules = document.value("rules", Json::array());
    if (rules.empty()) return Fail(Reason::kInvalid, "loaded illegal policy with 0 rules");
    if (!rules.is_array()) return Fail(Reason::kInvalid, "failed decoding: rules is no list");
    for (size_t i = 0; i < rules.size(); ++i) {
      const FieldPath path = FieldPath("rules").Index(i);
      if (!rules[i].is_object()) return Fail(Reason::kInvalid, "failed decoding: rule is no object");
      policy.rules_.push_back(ReadRule(rules[i], path, common));
    }
    if (!broken_.empty()) return Fail(Reason::kInvalid, "failed decoding: " + broken_);
    if (!wrong_.empty()) return Fail(Reason::kInvalid, wrong_.Text());
    return policy;
  }

 private:
  Rule ReadRule(const Json& json, const FieldPath& path, const AuditDecision& common) {
    OnlyKnown(json, path.Text() + ".",
              {"level", "users", "userGroups", "verbs", "resources", "namespaces",
               "nonResourceURLs", "omitStages", "omitManagedFields"});
    Rule rule{.decision = common,
              .users = ReadList(json, path.Child("users")),
              .groups = ReadList(json, path.Child("userGroups")),
              .verbs = ReadList(json, path.Child("verbs")),
              .namespaces = ReadList(json, path.Child("namespaces")),
              .urls = ReadList(json, path.Child("nonResourceURLs")),
              .resources = ReadResources(json, path.Child("resources"))};
    rule.decision.level = ReadLevel(json, path.Child("level"));
    ReadStages(json, path.Child("omitStages"), rule.decision);
    rule.decision.omits_managed_fields =
        ReadBool(json, path.Child("omitManagedFields"), common.omits_managed_fields);
    CheckUrls(rule, path.Child("nonResourceURLs"));
    return rule;
  }

  AuditLevel ReadLevel(const Json& json, const FieldPath& path) {
    const std::string text = ReadText(json, path);
    const auto found = std::find(kLevels.begin(), kLevels.end(), text);
    if (found != kLevels.end()) return static_cast<AuditLevel>(found - kLevels.begin());
    if (text.empty()) wrong_.Required(path);
    else wrong_.NotSupported(path, text, {kLevels.begin(), kLevels.end()});
    return AuditLevel::kNone;
  }

  void ReadStages(const Json& json, const FieldPath& path, AuditDecision& decision) {
    const auto stages = ReadList(json, path);
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

  std::vector<Resources> ReadResources(const Json& json, const FieldPath& path) {
    std::vector<Resources> all;
    const Json* const list = Member(json, path);
    if (list == nullptr) return all;
    if (!list->is_array()) return Broken(path), all;
    for (size_t i = 0; i < list->size(); ++i) {
      const Json& each = (*list)[i];
      const FieldPath at = path.Index(i);
      if (!each.is_object()) return Broken(at), all;
      OnlyKnown(each, at.Text() + ".", {"group", "resources", "resourceNames"});
      all.push_back({.group = ReadText(each, at.Child("group")),
                     .resources = ReadList(each, at.Child("resources")),
                     .names = ReadList(each, at.Child("resourceNames"))});
      if (!all.back().names.empty() && all.back().resources.empty()) {
        wrong_.Invalid(at.Child("resourceNames"), Json(all.back().names),
                       "using resourceNames requires at least one resource");
      }
    }
    return all;
  }

  void CheckUrls(const Rule& rule, const FieldPath& path) {
    if (!rule.urls.empty() && (!rule.resources.empty() || !rule.namespaces.empty())) {
      wrong_.Invalid(path, Json(rule.urls),
                     "rules cannot apply to both regular resources and non-resource URLs");
    }
    for (size_t i = 0; i < rule.urls.size(); ++i) {
      const std::string& url = rule.urls[i];
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

  // The member that the path ends with; nullptr: not there.
  static const Json* Member(const Json& json, const FieldPath& path) {
    const std::string text = path.Text();
    const auto found = json.find(text.substr(text.rfind('.') + 1));
    return found == json.end() || found->is_null() ? nullptr : &*found;
  }
  std::string ReadText(const Json& json, const FieldPath& path) {
    const Json* const member = Member(json, path);
    if (member == nullptr) return "";
    if (!member->is_string()) return Broken(path), "";
    return member->get<std::string>();
  }
  bool ReadBool(const Json& json, const FieldPath& path, bool otherwise) {
    const Json* const member = Member(json, path);
    if (member == nullptr) return otherwise;
    if (!member->is_boolean()) return Broken(path), otherwise;
    return member->get<bool>();
  }
  std::vector<std::string> ReadList(const Json& json, const FieldPath& path) {
    const Json* const member = Member(json, path);
    if (member == nullptr) return {};
    std::vector<std::string> list;
    if (!member->is_array()) return Broken(path), list;
    for (const Json& each : *member) {
      if (!each.is_string()) return Broken(path), list;
      list.push_back(each.get<std::string>());
    }
    return list;
  }
  void Broken(const FieldPath& path) {
    if (broken_.empty()) broken_ = path.Text() + " is of the wrong type";
  }
  void OnlyKnown(const Json& json, const std::string& prefix,
                 const std::set<std::string, std::less<>>& known) {
    for (const auto& [key, value] : json.items()) {
      if (!known.contains(key)) {
        notes_.push_back(fmt::format("audit policy: unknown field \"{}{}\"", prefix, key));
      }
    }
  }

  std::vector<std::string>& notes_;
  Violations wrong_;
  std::string broken_;  // The first thing that is of another type.
};

Result<AuditPolicy> AuditPolicy::Parse(std::string_view text, std::vector<std::string>& notes) {
  auto yaml = ParseYaml(text);
  if (!yaml) return Fail(Reason::kInvalid, "failed decoding: " + yaml.error().message);
  for (const std::string& each : yaml->duplicates) notes.push_back("audit policy: " + each);
  return Reading(notes).Of(yaml->value);
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
