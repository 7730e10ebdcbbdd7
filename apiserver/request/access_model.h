// For tests: Kubernetes' rules about who may do what, written apart from the server. Rights are
// read as documents from its API; none of its code decides here.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "api/values.h"
#include "apiserver/auth/user.h"

namespace skiff {

// What a request asks for, as kube-apiserver says it to its authorizers.
struct Words {
  std::string verb;
  std::string group = {};
  std::string resource = {};
  std::string subresource = {};
  std::string space = {};
  std::string name = {};
  std::string path = {};  // Not empty: not a resource.

  std::string What() const { return subresource.empty() ? resource : resource + "/" + subresource; }
  // As a refusal says it.
  std::string Text(const std::string& user) const {
    const std::string who = "User \"" + user + "\" cannot " + verb;
    if (!path.empty()) return who + " path \"" + path + "\"";
    return who + " resource \"" + What() + "\" in API group \"" + group + "\" " +
           (space.empty() ? "at the cluster scope" : "in the namespace \"" + space + "\"");
  }
};

// RBAC: the rules that hold for one user.
class Rights {
 public:
  struct Documents {  // Lists, as the API answers them.
    Json roles, role_bindings, cluster_roles, cluster_role_bindings;
  };

  static Rights Of(const User& user, const Documents& all) {
    Rights rights;
    rights.everything_ = user.InGroup("system:masters");
    for (const Json& binding : all.cluster_role_bindings["items"]) {
      if (Concerns(binding, user)) rights.Add(RoleOf(binding, all), "");
    }
    for (const Json& binding : all.role_bindings["items"]) {
      if (Concerns(binding, user)) {
        rights.Add(RoleOf(binding, all), binding["metadata"]["namespace"]);
      }
    }
    return rights;
  }

  // Those of a role by itself, whoever has it.
  static Rights OfClusterRole(const std::string& name, const Documents& all) {
    Rights rights;
    rights.Add(Find(all.cluster_roles, name, ""), "");
    return rights;
  }

  bool Allow(const Words& words) const {
    if (everything_) return true;
    for (const Rule& rule : rules_) {
      const bool there = rule.space.empty() || (words.path.empty() && rule.space == words.space);
      if (there && RuleAllows(rule, words)) return true;
    }
    return false;
  }

 private:
  using Names = std::set<std::string>;
  struct Rule {
    std::string space;  // "": everywhere, and what has no namespace.
    Names verbs, groups, resources, names, urls;
  };

  static Names NamesOf(const Json& rule, const char* list) {
    Names names;
    if (!rule.contains(list)) return names;
    for (const Json& each : rule[list]) names.insert(each.get<std::string>());
    return names;
  }

  void Add(const Json& role, const std::string& space) {
    if (!role.contains("rules") || !role["rules"].is_array()) return;
    for (const Json& rule : role["rules"]) {
      rules_.push_back({space, NamesOf(rule, "verbs"), NamesOf(rule, "apiGroups"),
                        NamesOf(rule, "resources"), NamesOf(rule, "resourceNames"),
                        NamesOf(rule, "nonResourceURLs")});
    }
  }

  static bool UrlAllowed(const Rule& rule, const std::string& path) {
    for (const std::string& url : rule.urls) {
      const bool prefix = url.ends_with('*');
      if (prefix ? path.starts_with(url.substr(0, url.size() - 1)) : url == path) return true;
    }
    return false;
  }

  static bool RuleAllows(const Rule& rule, const Words& words) {
    if (!rule.verbs.contains(words.verb) && !rule.verbs.contains("*")) return false;
    if (!words.path.empty()) return UrlAllowed(rule, words.path);
    if (!rule.groups.contains(words.group) && !rule.groups.contains("*")) return false;
    const bool any_object = !words.subresource.empty() &&
                            rule.resources.contains("*/" + words.subresource);
    if (!rule.resources.contains("*") && !rule.resources.contains(words.What()) && !any_object) {
      return false;
    }
    return rule.names.empty() || rule.names.contains(words.name);
  }

  static Json Find(const Json& list, const std::string& name, const std::string& space) {
    for (const Json& item : list["items"]) {
      const Json& metadata = item["metadata"];
      if (metadata["name"] == name && metadata.value("namespace", "") == space) return item;
    }
    return Json::object();
  }

  static Json RoleOf(const Json& binding, const Documents& all) {
    const std::string name = binding["roleRef"]["name"];
    if (binding["roleRef"]["kind"] == "ClusterRole") return Find(all.cluster_roles, name, "");
    return Find(all.roles, name, binding["metadata"]["namespace"]);
  }

  static bool Concerns(const Json& binding, const User& user) {
    if (!binding.contains("subjects")) return false;
    for (const Json& subject : binding["subjects"]) {
      const std::string kind = subject["kind"];
      const std::string name = subject["name"];
      if (kind == "User" && name == user.name) return true;
      if (kind == "Group" && user.InGroup(name)) return true;
      if (kind == "ServiceAccount" &&
          user.name == "system:serviceaccount:" + subject.value("namespace", "") + ":" + name) {
        return true;
      }
    }
    return false;
  }

  bool everything_ = false;
  std::vector<Rule> rules_;
};

}  // namespace skiff
