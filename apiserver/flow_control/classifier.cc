#include "apiserver/flow_control/classifier.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"

namespace skiff::flow_control {
namespace {

constexpr std::string_view kAccountPrefix = "system:serviceaccount:";

bool IsAmong(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "pods/log" without an allocation.
bool IsSubresource(std::string_view listed, std::string_view resource,
                   std::string_view subresource) {
  return listed.size() == resource.size() + 1 + subresource.size() &&
         listed.starts_with(resource) && listed[resource.size()] == '/' &&
         listed.ends_with(subresource);
}

// One that is listed stands for what is below it as well, with a star or without: "/livez" for
// "/livez/ping".
bool PathMatches(std::string_view listed, std::string_view path) {
  if (listed == "*" || listed == path) return true;
  if (listed.ends_with('*')) listed.remove_suffix(1);
  if (!path.starts_with(listed)) return false;
  return listed.ends_with('/') || path.substr(listed.size()).starts_with('/');
}

}  // namespace

Classifier::Names::Names(const std::vector<std::string>& listed)
    : all(IsAmong(listed, "*")), names(listed) {}

bool Classifier::Names::Has(std::string_view name) const {
  return all || IsAmong(names, name);
}

bool Classifier::Subjects::Have(const User& user) const {
  if (everybody || IsAmong(users, user.name)) return true;
  for (const std::string& group : groups) {
    if (user.InGroup(group)) return true;
  }
  return std::any_of(user_prefixes.begin(), user_prefixes.end(),
                     [&](const std::string& prefix) { return user.name.starts_with(prefix); });
}

bool Classifier::ResourceRule::Matches(const RequestInfo& info) const {
  const bool in_scope =
      info.namespace_name.empty() ? cluster_scope : namespaces.Has(info.namespace_name);
  if (!in_scope || !verbs.Has(info.verb) || !groups.Has(info.group)) return false;
  if (info.subresource.empty()) return resources.Has(info.resource);
  return resources.all || std::any_of(resources.names.begin(), resources.names.end(),
                                      [&](const std::string& listed) {
                                        return IsSubresource(listed, info.resource,
                                                             info.subresource);
                                      });
}

bool Classifier::PathRule::Matches(const RequestInfo& info) const {
  return verbs.Has(info.verb) &&
         std::any_of(paths.begin(), paths.end(),
                     [&](const std::string& listed) { return PathMatches(listed, info.path); });
}

bool Classifier::Compiled::Matches(const User& user, const RequestInfo& info) const {
  const auto matches = [&](const auto& rule) { return rule.Matches(info); };
  return std::any_of(rules.begin(), rules.end(), [&](const Rules& each) {
    if (!each.subjects.Have(user)) return false;
    return info.is_resource ? std::any_of(each.resources.begin(), each.resources.end(), matches)
                            : std::any_of(each.paths.begin(), each.paths.end(), matches);
  });
}

Classifier::Subjects Classifier::CompileSubjects(
    const std::vector<flowcontrol_v1::Subject>& subjects) {
  Subjects compiled;
  for (const auto& subject : subjects) {
    if (subject.kind == "User" && subject.user) {
      compiled.everybody |= subject.user->name == "*";
      compiled.users.push_back(subject.user->name);
    } else if (subject.kind == "Group" && subject.group) {
      compiled.everybody |= subject.group->name == "*";
      compiled.groups.push_back(subject.group->name);
    } else if (subject.kind == "ServiceAccount" && subject.service_account) {
      const auto& account = *subject.service_account;
      std::string prefix = std::string(kAccountPrefix) + account.namespace_ + ":";
      if (account.name == "*") {
        compiled.user_prefixes.push_back(std::move(prefix));
      } else {
        compiled.users.push_back(prefix + account.name);
      }
    }
  }
  return compiled;
}

Classifier::Compiled Classifier::Compile(const flowcontrol_v1::FlowSchema& object) {
  Compiled compiled;
  compiled.schema = {object.metadata.name, object.metadata.uid,
                     object.spec.priority_level_configuration.name};
  if (const auto& method = object.spec.distinguisher_method) {
    compiled.by = method->type == "ByUser"        ? By::kUser
                  : method->type == "ByNamespace" ? By::kNamespace
                                                  : By::kNothing;
  }
  for (const auto& rules : object.spec.rules) {
    Rules& to = compiled.rules.emplace_back();
    to.subjects = CompileSubjects(rules.subjects);
    for (const auto& rule : rules.resource_rules) {
      to.resources.push_back({Names(rule.verbs), Names(rule.api_groups), Names(rule.resources),
                              Names(rule.namespaces), rule.cluster_scope});
    }
    for (const auto& rule : rules.non_resource_rules) {
      to.paths.push_back({Names(rule.verbs), rule.non_resource_urls});
    }
  }
  return compiled;
}

Classifier::Classifier(Objects objects) {
  std::sort(objects.begin(), objects.end(), [](const auto& a, const auto& b) {
    return std::tie(a->spec.matching_precedence, a->metadata.name) <
           std::tie(b->spec.matching_precedence, b->metadata.name);
  });
  for (const auto& object : objects) compiled_.push_back(Compile(*object));
  const auto last = std::find_if(compiled_.begin(), compiled_.end(), [](const Compiled& each) {
    return each.schema.name == kCatchAll;
  });
  CHECK(last != compiled_.end());
  catch_all_ = static_cast<size_t>(last - compiled_.begin());
}

Classifier::Found Classifier::Find(const User& user, const RequestInfo& info) const {
  const auto first =
      std::find_if(compiled_.begin(), compiled_.end(),
                   [&](const Compiled& each) { return each.Matches(user, info); });
  const size_t index =
      first == compiled_.end() ? catch_all_ : static_cast<size_t>(first - compiled_.begin());
  switch (compiled_[index].by) {
    case By::kUser:
      return {index, user.name};
    case By::kNamespace:
      return {index, info.is_resource ? std::string_view(info.namespace_name) : ""};
    case By::kNothing:
      break;
  }
  return {index};
}

}  // namespace skiff::flow_control
