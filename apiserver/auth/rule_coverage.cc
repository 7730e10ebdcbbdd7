#include "apiserver/auth/rule_coverage.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "apiserver/api_errors.h"

namespace skiff {
namespace {

using rbac_v1::PolicyRule;
using Strings = std::vector<std::string>;

bool Has(const Strings& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// One verb on one resource (of one name) or one path.
struct Right {
  bool is_resource = true;
  std::string verb, group, resource, path;
  std::string name;
  bool has_name = false;
};

PolicyRule RuleOf(const Right& right) {
  PolicyRule rule;
  rule.verbs = {right.verb};
  if (!right.is_resource) {
    rule.non_resource_urls = {right.path};
    return rule;
  }
  rule.api_groups = {right.group};
  rule.resources = {right.resource};
  if (right.has_name) rule.resource_names = {right.name};
  return rule;
}

std::vector<Right> BrokenDown(const PolicyRule& rule) {
  std::vector<Right> rights;
  for (const std::string& group : rule.api_groups) {
    for (const std::string& resource : rule.resources) {
      for (const std::string& verb : rule.verbs) {
        Right right{.verb = verb, .group = group, .resource = resource};
        if (rule.resource_names.empty()) rights.push_back(right);
        for (const std::string& name : rule.resource_names) {
          right.name = name;
          right.has_name = true;
          rights.push_back(right);
        }
      }
    }
  }
  for (const std::string& path : rule.non_resource_urls) {
    for (const std::string& verb : rule.verbs) {
      rights.push_back({.is_resource = false, .verb = verb, .path = path});
    }
  }
  return rights;
}

bool CoversResource(const Strings& held, const std::string& resource) {
  if (Has(held, "*") || Has(held, resource)) return true;
  const size_t slash = resource.find('/');
  return slash != std::string::npos && Has(held, "*" + resource.substr(slash));
}

bool CoversPath(const Strings& held, const std::string& path) {
  return std::any_of(held.begin(), held.end(), [&](const std::string& pattern) {
    if (pattern == "*" || pattern == path) return true;
    if (!pattern.ends_with('*')) return false;
    std::string_view prefix = pattern;
    while (prefix.ends_with('*')) prefix.remove_suffix(1);
    return path.starts_with(prefix);
  });
}

bool Covers(const PolicyRule& held, const Right& right) {
  if (!Has(held.verbs, "*") && !Has(held.verbs, right.verb)) return false;
  if (!right.is_resource) return CoversPath(held.non_resource_urls, right.path);
  if (!Has(held.api_groups, "*") && !Has(held.api_groups, right.group)) return false;
  if (!CoversResource(held.resources, right.resource)) return false;
  if (held.resource_names.empty()) return true;
  return right.has_name && Has(held.resource_names, right.name);
}

}  // namespace

PolicyRules MissingRules(const PolicyRules& held, const PolicyRules& wanted) {
  PolicyRules missing;
  // Where the rule of a resource stands in `missing`.
  std::map<std::tuple<std::string, std::string, bool, std::string>, size_t> places;
  for (const PolicyRule& rule : wanted) {
    for (const Right& right : BrokenDown(rule)) {
      const bool covered = std::any_of(held.begin(), held.end(),
                                       [&](const PolicyRule& each) { return Covers(each, right); });
      if (covered) continue;
      if (right.is_resource) {
        const auto [place, is_new] = places.emplace(
            std::tuple(right.group, right.resource, right.has_name, right.name), missing.size());
        if (!is_new) {
          missing[place->second].verbs.push_back(right.verb);
          continue;
        }
      }
      missing.push_back(RuleOf(right));
    }
  }
  return missing;
}

std::string QuotedList(const std::vector<std::string>& list) {
  std::string text = "[";
  for (const std::string& item : list) text += (text.size() > 1 ? " " : "") + Quoted(item);
  return text + "]";
}

std::string RuleText(const PolicyRule& rule) {
  std::string text;
  const auto add = [&](const char* name, const Strings& list) {
    if (list.empty()) return;
    text.append(text.empty() ? "" : ", ").append(name).append(":").append(QuotedList(list));
  };
  add("APIGroups", rule.api_groups);
  add("Resources", rule.resources);
  add("NonResourceURLs", rule.non_resource_urls);
  add("ResourceNames", rule.resource_names);
  add("Verbs", rule.verbs);
  return "{" + text + "}";
}

}  // namespace skiff
