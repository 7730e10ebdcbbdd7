// What may be wrong with an AuthorizationConfiguration, in kube-apiserver's words.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "api/rules/names.h"
#include "api/text/time_text.h"
#include "apiserver/authorization/authorization_configuration.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr size_t kConditionsMax = 64;
constexpr Duration kTimeoutMax = 30s;
// In the order of their names.
const std::vector<std::string>& Modes() {
  static const std::vector<std::string> modes = {"ABAC", "AlwaysAllow", "AlwaysDeny",
                                                 "Node", "RBAC",        "Webhook"};
  return modes;
}

void CheckTime(Duration time, const FieldPath& at, Violations& wrong) {
  if (time == Duration::zero()) {
    wrong.Required(at);
  } else if (time < Duration::zero()) {
    wrong.Invalid(at, FormatGoDuration(time.count()), "must be > 0s");
  }
}

void CheckKubeconfigFile(const std::optional<std::string>& file, const FieldPath& at,
                         Violations& wrong) {
  if (!file || file->empty()) return wrong.Required(at);
  if (!file->starts_with('/')) return wrong.Invalid(at, *file, "must be an absolute path");
  struct stat found = {};
  if (::stat(file->c_str(), &found) != 0) {
    wrong.Invalid(at, *file,
                  fmt::format("error loading file: stat {}: {}", *file, StatError(errno)));
  } else if (!S_ISREG(found.st_mode)) {
    wrong.Invalid(at, *file, "must be a regular file");
  }
}

void CheckConnection(const AccessWebhookConfiguration& webhook, const FieldPath& at,
                     Violations& wrong) {
  const FieldPath file = at.Child("kubeConfigFile");
  if (webhook.connection_type.empty()) {
    wrong.Required(at.Child("type"));
  } else if (webhook.connection_type == "InClusterConfig") {
    if (webhook.kubeconfig_file) {
      wrong.Invalid(file, *webhook.kubeconfig_file, "can only be set when type=KubeConfigFile");
    }
  } else if (webhook.connection_type == "KubeConfigFile") {
    CheckKubeconfigFile(webhook.kubeconfig_file, file, wrong);
  } else {
    // Kubernetes shows all of it, in the order of its struct.
    const Json path = webhook.kubeconfig_file ? Json(*webhook.kubeconfig_file) : Json();
    const std::string shown = fmt::format("{{\"Type\":{},\"KubeConfigFile\":{}}}",
                                          Json(webhook.connection_type).dump(), path.dump());
    wrong.NotSupported(at.Child("type"), Printed::Verbatim(shown),
                       {"InClusterConfig", "KubeConfigFile"});
  }
}

void CheckConditions(AccessWebhookConfiguration& webhook, const FieldPath& at, Violations& wrong) {
  if (webhook.conditions.size() > kConditionsMax) {
    return wrong.TooMany(at, webhook.conditions.size(), kConditionsMax);
  }
  std::set<std::string> seen;
  for (size_t i = 0; i < webhook.conditions.size(); ++i) {
    AccessCondition& condition = webhook.conditions[i];
    const FieldPath path = at.Index(i).Child("expression");
    if (WithoutBlanks(condition.expression).empty()) {
      wrong.Required(path);
    } else if (!seen.insert(condition.expression).second) {
      wrong.Duplicate(path, condition.expression);
    } else if (auto program = CompileAccessCondition(condition.expression)) {
      condition.program = *std::move(program);
    } else {
      wrong.Invalid(path, condition.expression, program.error().message);
    }
  }
}

void CheckChoice(const std::string& value, const std::vector<std::string>& choices,
                 const FieldPath& at, Violations& wrong) {
  if (value.empty()) return wrong.Required(at);
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  wrong.NotSupported(at, value, choices);
}

void CheckWebhook(AccessWebhookConfiguration& webhook, const FieldPath& at, Violations& wrong) {
  if (webhook.timeout == Duration::zero()) {
    wrong.Required(at.Child("timeout"));
  } else if (webhook.timeout > kTimeoutMax || webhook.timeout < Duration::zero()) {
    wrong.Invalid(at.Child("timeout"), FormatGoDuration(webhook.timeout.count()),
                  "must be > 0s and <= 30s");
  }
  CheckTime(webhook.authorized_ttl, at.Child("authorizedTTL"), wrong);
  CheckTime(webhook.unauthorized_ttl, at.Child("unauthorizedTTL"), wrong);
  CheckChoice(webhook.version, {"v1", "v1beta1"}, at.Child("subjectAccessReviewVersion"), wrong);
  const FieldPath of_conditions = at.Child("matchConditionSubjectAccessReviewVersion");
  if (!webhook.condition_version.empty()) {
    CheckChoice(webhook.condition_version, {"v1"}, of_conditions, wrong);
  } else if (!webhook.conditions.empty()) {
    wrong.Required(of_conditions, "required if match conditions are specified");
  }
  CheckChoice(webhook.failure_policy, {"NoOpinion", "Deny"}, at.Child("failurePolicy"), wrong);
  CheckConnection(webhook, at.Child("connectionInfo"), wrong);
  CheckConditions(webhook, at.Child("matchConditions"), wrong);
}

}  // namespace

std::string StatError(int error) {
  switch (error) {
    case ENOENT:
      return "no such file or directory";
    case EACCES:
      return "permission denied";
    case ENOTDIR:
      return "not a directory";
    default:
      return Lower(std::generic_category().message(error));
  }
}

bool IsAuthorizationMode(std::string_view mode) {
  return std::find(Modes().begin(), Modes().end(), mode) != Modes().end();
}

Violations PrepareAuthorization(AuthorizationConfiguration& configuration) {
  Violations wrong;
  const FieldPath root("authorizers");
  if (configuration.authorizers.empty()) {
    wrong.Required(root, "at least one authorization mode must be defined");
  }
  std::set<std::string> types, names;
  for (size_t i = 0; i < configuration.authorizers.size(); ++i) {
    AuthorizerConfiguration& each = configuration.authorizers[i];
    const FieldPath at = root.Index(i);
    if (each.type.empty() || !IsAuthorizationMode(each.type)) {
      CheckChoice(each.type, Modes(), at.Child("type"), wrong);
      continue;
    }
    if (!types.insert(each.type).second && each.type != kWebhookMode) {
      wrong.Duplicate(at.Child("type"), each.type);
      continue;
    }
    if (each.name.empty()) {
      wrong.Required(at.Child("name"));
    } else if (!names.insert(each.name).second) {
      wrong.Duplicate(at.Child("name"), each.name);
    } else if (const auto errors = Dns1123SubdomainErrors(each.name); !errors.empty()) {
      wrong.Invalid(at.Child("name"), each.name,
                    fmt::format("authorizer name is invalid: {}", fmt::join(errors, ", ")));
    }
    if (each.type == kWebhookMode && !each.webhook) {
      wrong.Required(at.Child("webhook"), "required when type=Webhook");
    } else if (each.type == kWebhookMode) {
      CheckWebhook(*each.webhook, at, wrong);
    } else if (each.webhook) {
      wrong.Invalid(at.Child("webhook"), "non-null", "may only be specified when type=Webhook");
    }
  }
  return wrong;
}

}  // namespace skiff
