#include "cli/policy_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/json_text.h"

namespace skiff::cli {
namespace {

std::string Bracketed(const std::vector<std::string>& texts) {
  return "[" + Join(texts, " ") + "]";
}

// "deployments.apps", "deployments.apps/scale"
std::string WithGroup(const std::string& resource, const std::string& group) {
  if (group.empty()) return resource;
  const size_t slash = std::min(resource.find('/'), resource.size());
  return resource.substr(0, slash) + "." + group + resource.substr(slash);
}

// A rule about one resource, or one URL.
struct SmallRule {
  std::string resource;  // "deployments.apps"
  std::vector<std::string> urls;
  std::vector<std::string> names;
  std::vector<std::string> verbs;
};

std::vector<SmallRule> TakenApart(const Json& rules) {
  std::vector<SmallRule> small;
  for (const Json& rule : rules) {
    const auto verbs = TextsAt(rule, "verbs");
    const auto names = TextsAt(rule, "resourceNames");
    for (const std::string& group : TextsAt(rule, "apiGroups")) {
      for (const std::string& resource : TextsAt(rule, "resources")) {
        const std::string whole = WithGroup(resource, group);
        if (names.empty()) small.push_back({whole, {}, {}, verbs});
        for (const std::string& name : names) small.push_back({whole, {}, {name}, verbs});
      }
    }
    for (const std::string& url : TextsAt(rule, "nonResourceURLs")) {
      small.push_back({"", {url}, {}, verbs});
    }
  }
  // Rules about one resource, with the same name or without one, are one rule.
  std::vector<SmallRule> merged;
  for (SmallRule& rule : small) {
    const auto same = std::find_if(merged.begin(), merged.end(), [&](const SmallRule& other) {
      return !rule.resource.empty() && other.resource == rule.resource && rule.names == other.names;
    });
    if (same == merged.end()) {
      merged.push_back(std::move(rule));
      continue;
    }
    for (const std::string& verb : rule.verbs) {
      if (std::find(same->verbs.begin(), same->verbs.end(), verb) == same->verbs.end()) {
        same->verbs.push_back(verb);
      }
    }
  }
  return merged;
}

// Go's text of a rule begins with its verbs; kubectl sorts by that.
std::vector<std::string> SortKey(const SmallRule& rule) {
  const size_t slash = std::min(rule.resource.find('/'), rule.resource.size());
  const size_t dot = std::min(rule.resource.find('.'), slash);
  const std::string group = dot == slash ? "" : rule.resource.substr(dot + 1, slash - dot - 1);
  const std::string resource = rule.resource.substr(0, dot) + rule.resource.substr(slash);
  return {Bracketed(rule.verbs), "[" + group + "]", "[" + resource + "]", Bracketed(rule.names),
          Bracketed(rule.urls)};
}

}  // namespace

std::vector<std::string> PolicyRuleRows(const Json& rules) {
  auto small = TakenApart(rules);
  std::stable_sort(small.begin(), small.end(),
                   [](const SmallRule& a, const SmallRule& b) { return SortKey(a) < SortKey(b); });
  std::vector<std::string> rows;
  for (const SmallRule& rule : small) {
    rows.push_back(fmt::format("{}\t{}\t{}\t{}", rule.resource, Bracketed(rule.urls),
                               Bracketed(rule.names), Bracketed(rule.verbs)));
  }
  return rows;
}

}  // namespace skiff::cli
