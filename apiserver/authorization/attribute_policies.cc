#include "apiserver/authorization/attribute_policies.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/decode.h"
#include "api/gen/rbac_v1.h"
#include "api/text/configuration_file.h"
#include "base/log.h"
#include "base/text.h"

namespace skiff {
namespace {

const Log kPolicyLog("abac");
constexpr std::string_view kPolicyGroup = "abac.authorization.kubernetes.io/";
constexpr size_t kLineBytesMax = 64 << 10;
const std::string kEverything = "*";

// As if nobody had ever written a version: what is left out means everything.
AttributePolicy Unversioned(AttributePolicy policy) {
  if (policy.user.empty() && policy.group.empty()) policy.group = kGroupAuthenticated;
  policy.api_group = kEverything;
  if (policy.namespace_name.empty() && policy.resource.empty()) {
    policy.non_resource_path = kEverything;
  }
  if (policy.namespace_name.empty()) policy.namespace_name = kEverything;
  if (policy.resource.empty()) policy.resource = kEverything;
  return policy;
}

ConfigurationReading::Fields SubjectFields(ConfigurationReading& in, AttributePolicy& to) {
  return {{"user", in.Text(to.user)},
          {"group", in.Text(to.group)},
          {"readonly", in.Switch(to.readonly)},
          {"resource", in.Text(to.resource)},
          {"namespace", in.Text(to.namespace_name)}};
}

std::string WordIn(const Json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_string() ? found->get<std::string>() : std::string();
}

struct ReadLine {
  AttributePolicy policy;
  bool is_unversioned = false;
};

Result<ReadLine> ReadPolicy(std::string_view text) {
  const YamlDocument yaml = TRY(ParseConfiguration(text));
  const Json& line = yaml.value;
  if (!line.is_object()) {
    return Fail(Reason::kInvalid,
                "couldn't get version/kind; json parse error: json: cannot "
                "unmarshal what is no object");
  }
  const std::string version = WordIn(line, "apiVersion");
  const std::string kind = WordIn(line, "kind");
  const bool is_v1beta1 = version == std::string(kPolicyGroup) + "v1beta1" && kind == "Policy";
  const bool is_v0 = version == std::string(kPolicyGroup) + "v0" && kind == "Policy";
  const bool is_unversioned = version.empty() || kind.empty();
  if (!is_v1beta1 && !is_v0 && !is_unversioned) {
    return Fail(Reason::kInvalid, NoKindRegistered({version, kind}, kRuntimeScheme));
  }
  ReadLine read{.is_unversioned = is_unversioned};
  AttributePolicy& to = read.policy;
  ConfigurationReading in("Policy", {});
  if (is_v1beta1) {
    in.Object(line, "Policy", {{"spec", [&](const Json& spec) {
                                  auto fields = SubjectFields(in, to);
                                  fields.emplace("apiGroup", in.Text(to.api_group));
                                  fields.emplace("nonResourcePath", in.Text(to.non_resource_path));
                                  in.Object(spec, "PolicySpec", fields);
                                }}});
  } else {
    in.Object(line, "Policy", SubjectFields(in, to));
  }
  TRY(in.EndOfTypes());
  if (to.user == kEverything || to.group == kEverything) {
    to.group = kGroupAuthenticated;
    to.user.clear();
  }
  if (!is_v1beta1) to = Unversioned(std::move(to));
  return read;
}

bool IsSubject(const AttributePolicy& policy, const User& user) {
  if (!policy.user.empty() && policy.user != user.name) return false;
  if (!policy.group.empty() && !user.InGroup(policy.group)) return false;
  return !policy.user.empty() || !policy.group.empty();
}

bool Covers(const std::string& pattern, const std::string& word) {
  return pattern == kEverything || pattern == word;
}

bool CoversPath(const std::string& pattern, const std::string& path) {
  if (Covers(pattern, path)) return true;
  if (!pattern.ends_with('*')) return false;
  return path.starts_with(pattern.substr(0, pattern.find_last_not_of('*') + 1));
}

bool Allows(const AttributePolicy& policy, const User& user, const Access& access) {
  if (!IsSubject(policy, user)) return false;
  const bool reads = access.verb == "get" || access.verb == "list" || access.verb == "watch";
  if (policy.readonly && !reads) return false;
  if (!access.is_resource) return CoversPath(policy.non_resource_path, access.path);
  return Covers(policy.namespace_name, access.namespace_name) &&
         Covers(policy.resource, access.resource) && Covers(policy.api_group, access.group);
}

}  // namespace

Result<std::vector<AttributePolicy>> ReadAttributePolicies(const std::string& path,
                                                           std::string_view text) {
  std::vector<AttributePolicy> policies;
  bool any_unversioned = false;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() >= kLineBytesMax) {
      return Fail(Reason::kInvalid, fmt::format("error reading policy file {}: bufio.Scanner: "
                                                "token too long",
                                                path));
    }
    const std::string_view words = WithoutBlanks(line);
    if (words.empty() || words.starts_with('#')) continue;
    auto read = ReadPolicy(line);
    if (!read) {
      return Fail(Reason::kInvalid, fmt::format("error reading policy file {}, line {}: {}: {}",
                                                path, number, line, read.error().message));
    }
    any_unversioned |= read->is_unversioned;
    policies.push_back(std::move(read->policy));
  }
  if (any_unversioned) {
    kPolicyLog.Info("policies without a version allow whatever they leave out", {{"file", path}});
  }
  return policies;
}

Verdict AttributeAuthorizer::Authorize(const User& user, const Access& access) {
  const auto allows = [&](const auto& policy) { return Allows(policy, user, access); };
  if (std::any_of(policies_.begin(), policies_.end(), allows)) {
    return {.decision = Verdict::Decision::kAllow};
  }
  return {.reason = "No policy matched."};
}

void AttributeAuthorizer::TellRules(const User& user, const std::string& namespace_name,
                                    const VisitRule& visit, RulesTold&) {
  for (const AttributePolicy& policy : policies_) {
    if (!IsSubject(policy, user) || !Covers(policy.namespace_name, namespace_name)) continue;
    rbac_v1::PolicyRule rule;
    rule.verbs = {kEverything};
    if (policy.readonly) rule.verbs = {"get", "list", "watch"};
    if (!policy.resource.empty()) {
      rbac_v1::PolicyRule of_resource = rule;
      of_resource.api_groups = {policy.api_group};
      of_resource.resources = {policy.resource};
      if (!visit(of_resource)) return;
    }
    if (policy.non_resource_path.empty()) continue;
    rule.non_resource_urls = {policy.non_resource_path};
    if (!visit(rule)) return;
  }
}

}  // namespace skiff
