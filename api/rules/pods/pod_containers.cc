// The containers of a pod of all three kinds.
#include <fmt/format.h>

#include <set>

#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/pods/pod_resources.h"
#include "api/rules/pods/pod_spec_validation.h"

namespace skiff {
namespace {

using namespace core_v1;

constexpr size_t kRestartRulesMax = 20;
constexpr size_t kExitCodesMax = 255;

template <typename AnyContainer>
void ValidateResizePolicy(const AnyContainer& container, const std::string& restart_policy,
                          const FieldPath& path, Violations& out) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < container.resize_policy.size(); ++i) {
    const auto& policy = container.resize_policy[i];
    if (!seen.insert(policy.resource_name).second) {
      out.Duplicate(path.Index(i), policy.resource_name);
    }
    RequireOneOf(policy.resource_name, {"cpu", "memory"}, path, out);
    RequireOneOf(policy.restart_policy, {"NotRequired", "RestartContainer"}, path, out);
    if (restart_policy == "Never" && policy.restart_policy != "NotRequired") {
      out.Invalid(path, policy.restart_policy,
                  "must be 'NotRequired' when `restartPolicy` is 'Never'");
    }
  }
}

// What holds for containers of all kinds.
template <typename AnyContainer>
void ValidateCommon(const AnyContainer& container, const PodSpecContext& context,
                    const FieldPath& path, Violations& out) {
  RequireFormat(Dns1123LabelErrors, container.name, path.Child("name"), out);
  Require(container.image, path.Child("image"), out);
  RequireOneOf(container.termination_message_policy, {"File", "FallbackToLogsOnError"},
               path.Child("terminationMessagePolicy"), out);
  ValidatePortsAndEnvironment(container, path, out);
  ValidateMounts(container, context, path, out);
  RequireOneOf(container.image_pull_policy, {"Always", "IfNotPresent", "Never"},
               path.Child("imagePullPolicy"), out);
  ValidateContainerResources(container.resources, context, path.Child("resources"), out);
  ValidateResizePolicy(container, context.spec.restart_policy, path.Child("resizePolicy"), out);
  if (container.security_context) {
    ValidateSecurityContext(*container.security_context, context, path.Child("securityContext"),
                            out);
  }
}

constexpr const char* kPolicyOfRules = "must specify restartPolicy when restart rules are used";

void ValidateRestartRules(const Container& container, const FieldPath& path, Violations& out) {
  const auto& rules = container.restart_policy_rules;
  if (!container.restart_policy) {
    if (rules.empty()) return;
    out.Required(path.Child("restartPolicy"), kPolicyOfRules);
  } else {
    CheckOneOf(*container.restart_policy, {"Always", "Never", "OnFailure"},
               path.Child("restartPolicy"), out);
  }
  const FieldPath at = path.Child("restartPolicyRules");
  if (rules.size() > kRestartRulesMax) out.TooLong(at, kRestartRulesMax);
  for (size_t i = 0; i < rules.size(); ++i) {
    CheckOneOf(rules[i].action, {"Restart"}, at.Index(i).Child("action"), out);
    const FieldPath codes = at.Index(i).Child("exitCodes");
    if (!rules[i].exit_codes) {
      out.Required(codes, "must be specified");
      continue;
    }
    CheckOneOf(rules[i].exit_codes->operator_, {"In", "NotIn"}, codes.Child("operator"), out);
    if (rules[i].exit_codes->values.size() > kExitCodesMax) {
      out.TooLong(codes.Child("values"), kExitCodesMax);
    }
  }
}

using HostPorts = std::set<std::string>;

void ValidateHostPorts(const Container& container, HostPorts& taken, const FieldPath& path,
                       Violations& out) {
  for (size_t i = 0; i < container.ports.size(); ++i) {
    const auto& port = container.ports[i];
    if (port.host_port == 0) continue;
    const std::string use = fmt::format("{}/{}/{}", port.protocol, port.host_ip, port.host_port);
    if (!taken.insert(use).second) {
      out.Duplicate(path.Child("ports").Index(i).Child("hostPort"), use);
    }
  }
}

using Names = std::set<std::string_view>;

void ValidateRegular(const PodSpecContext& context, int64_t grace_period_s, Names& names,
                     const FieldPath& path, Violations& out) {
  const auto& containers = context.spec.containers;
  if (containers.empty()) return out.Required(path);
  for (size_t i = 0; i < containers.size(); ++i) {
    const FieldPath at = path.Index(i);
    ValidateCommon(containers[i], context, at, out);
    if (!names.insert(containers[i].name).second) {
      out.Duplicate(at.Child("name"), containers[i].name);
    }
    ValidateLifecycleAndProbes(containers[i], grace_period_s, at, out);
    ValidateRestartRules(containers[i], at, out);
  }
  HostPorts taken;
  for (size_t i = 0; i < containers.size(); ++i) {
    ValidateHostPorts(containers[i], taken, path.Index(i), out);
  }
}

// Init containers that end before the next begins have nothing to probe.
void ForbidLifecycleAndProbes(const Container& container, const FieldPath& path, Violations& out) {
  const auto forbid = [&](bool set, const char* field) {
    if (!set) return;
    out.Forbidden(path.Child(field),
                  "may not be set for init containers without restartPolicy=Always");
  };
  forbid(container.lifecycle.has_value(), "lifecycle");
  forbid(container.liveness_probe.has_value(), "livenessProbe");
  forbid(container.readiness_probe.has_value(), "readinessProbe");
  forbid(container.startup_probe.has_value(), "startupProbe");
}

void ValidateInit(const PodSpecContext& context, int64_t grace_period_s, Names& names,
                  const FieldPath& path, Violations& out) {
  for (size_t i = 0; i < context.spec.init_containers.size(); ++i) {
    const Container& container = context.spec.init_containers[i];
    const FieldPath at = path.Index(i);
    ValidateCommon(container, context, at, out);
    if (!container.restart_policy) {
      // Of rules without a policy nothing else is said here.
      if (!container.restart_policy_rules.empty()) {
        out.Required(at.Child("restartPolicy"), kPolicyOfRules);
      }
    } else if (!IsRestartableInitContainer(container)) {
      ValidateRestartRules(container, at, out);
    } else if (!container.restart_policy_rules.empty()) {
      out.Forbidden(at.Child("restartPolicyRules"),
                    "restartPolicyRules are not allowed for init containers with restart policy "
                    "Always");
    }
    if (names.contains(container.name)) {
      out.Duplicate(at.Child("name"), container.name);
    } else if (!container.name.empty()) {
      names.insert(container.name);
    }
    // Each is looked at alone: they run one after the other. Kubernetes says index 0 for all.
    HostPorts taken;
    ValidateHostPorts(container, taken, path.Index(0), out);
    if (IsRestartableInitContainer(container)) {
      ValidateLifecycleAndProbes(container, grace_period_s, at, out);
    } else {
      ForbidLifecycleAndProbes(container, at, out);
    }
  }
}

// A pod does not rely on them, so they have no part in its readiness, resources or restarts.
void ForbidServiceFields(const EphemeralContainer& container, const FieldPath& path,
                         Violations& out) {
  constexpr const char* kCannotBeSet = "cannot be set for an Ephemeral Container";
  const auto forbid = [&](bool set, const char* field) {
    if (set) out.Forbidden(path.Child(field), kCannotBeSet);
  };
  forbid(!container.ports.empty(), "ports");
  forbid(!(container.resources == ResourceRequirements()), "resources");
  forbid(!container.resize_policy.empty(), "resizePolicy");
  forbid(container.restart_policy.has_value(), "restartPolicy");
  forbid(!container.restart_policy_rules.empty(), "restartPolicyRules");
  forbid(container.liveness_probe.has_value(), "livenessProbe");
  forbid(container.readiness_probe.has_value(), "readinessProbe");
  forbid(container.startup_probe.has_value(), "startupProbe");
  forbid(container.lifecycle.has_value(), "lifecycle");
  for (size_t i = 0; i < container.volume_mounts.size(); ++i) {
    const FieldPath at = path.Child("volumeMounts").Index(i);
    if (!container.volume_mounts[i].sub_path.empty()) {
      out.Forbidden(at.Child("subPath"), kCannotBeSet);
    }
    if (!container.volume_mounts[i].sub_path_expr.empty()) {
      out.Forbidden(at.Child("subPathExpr"), kCannotBeSet);
    }
  }
}

void ValidateEphemeral(const PodSpecContext& context, const Names& others, const FieldPath& path,
                       Violations& out) {
  Names names = others;
  for (size_t i = 0; i < context.spec.ephemeral_containers.size(); ++i) {
    const EphemeralContainer& container = context.spec.ephemeral_containers[i];
    const FieldPath at = path.Index(i);
    ValidateCommon(container, context, at, out);
    ValidateImagePadding(container.image, at, out);
    if (!names.insert(container.name).second) out.Duplicate(at.Child("name"), container.name);
    const std::string& target = container.target_container_name;
    if (!target.empty() && !others.contains(target)) {
      out.NotFound(at.Child("targetContainerName"), target);
    }
    ForbidServiceFields(container, at, out);
  }
}

}  // namespace

void ValidateImagePadding(const std::string& image, const FieldPath& path, Violations& out) {
  constexpr const char* kBlanks = " \t\n\v\f\r";
  if (image.empty()) return;
  if (image.find_first_of(kBlanks) == 0 || image.find_last_of(kBlanks) == image.size() - 1) {
    out.Invalid(path.Child("image"), image, "must not have leading or trailing whitespace");
  }
}

void ValidateContainers(const PodSpecContext& context, const FieldPath& path, Violations& out) {
  const int64_t grace_period_s = context.spec.termination_grace_period_seconds.value_or(0);
  Names names;
  ValidateRegular(context, grace_period_s, names, path.Child("containers"), out);
  ValidateInit(context, grace_period_s, names, path.Child("initContainers"), out);
  ValidateEphemeral(context, names, path.Child("ephemeralContainers"), out);
}

}  // namespace skiff
