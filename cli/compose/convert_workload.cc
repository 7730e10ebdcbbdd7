// What runs the pods of a service: Deployment, StatefulSet, DaemonSet or Job.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

constexpr int kReplicasMax = 100'000;

// When containers are restarted: "no", "on-failure" or "always"; "" where nothing is said.
struct RestartRule {
  std::string when;
  int64_t attempts = 0;  // Of on-failure; 0: no limit, as in Docker and Swarm.
  const Node* said = nullptr;
  std::string key;
};

Result<RestartRule> RestartOf(const Node& service) {
  RestartRule rule;
  const Node& restart = service["restart"];
  if (restart.Says()) {
    const std::string text = restart.Text();
    const size_t colon = text.find(':');
    rule = {text.substr(0, colon), 0, &restart, "restart"};
    if (rule.when == "on-failure" && colon != text.npos) {
      rule.attempts =
          TRY(ReadInteger(TextNode(text.substr(colon + 1), restart.place), 0, 1'000'000));
    }
    if (rule.when == "unless-stopped") rule.when = "always";
    // YAML's `no` without quotes.
    if (rule.when == "false") rule.when = "no";
    if (rule.when != "no" && rule.when != "on-failure" && rule.when != "always") {
      return Wrong(restart, fmt::format("invalid restart policy: {}", text));
    }
    if (rule.when != "on-failure" && colon != text.npos) {
      return Wrong(restart,
                   fmt::format("invalid restart policy: {}: only on-failure has a count", text));
    }
  }
  const Node& policy = service["deploy"]["restart_policy"];
  const Node& condition = policy["condition"];
  if (condition.Says()) {
    const std::string word = condition.Text();
    rule = {word == "none"  ? "no"
            : word == "any" ? "always"
                            : word,
            0, &condition, "deploy.restart_policy.condition"};
    if (rule.when != "no" && rule.when != "on-failure" && rule.when != "always") {
      return Wrong(condition, fmt::format("invalid restart condition: {}", word));
    }
  }
  if (policy["max_attempts"].Says()) {
    rule.attempts = TRY(ReadInteger(policy["max_attempts"], 0, 1'000'000));
  }
  return rule;
}

bool IsSwarmJob(const Node& service) {
  return service["deploy"]["mode"].Text().ends_with("-job");
}

Json WorkloadBase(const Scope& scope, const char* api_version, const char* kind) {
  Json object = ObjectOf(scope.project, api_version, kind, scope.name, scope.service);
  Json annotations = AnnotationsOf(scope.node["deploy"]["labels"],
                                   fmt::format("services.{}.deploy.labels", scope.service),
                                   scope.out.notes);
  if (!annotations.empty()) object["metadata"]["annotations"] = std::move(annotations);
  return object;
}

Json SelectorOf(const Scope& scope) {
  return {{"matchLabels", LabelsOf(scope.project, scope.service)}};
}

// How many pods are wanted; nullopt where nothing sound is said of it.
std::optional<int64_t> ReplicasOf(const Scope& scope) {
  const Node& replicas = ReplicasNode(scope.node);
  if (!replicas.Says()) return std::nullopt;
  return scope.Sound(ReadInteger(replicas, 0, kReplicasMax));
}

Json JobOf(const Scope& scope, const RestartRule& rule, Json pod_template) {
  Json job = WorkloadBase(scope, "batch/v1", "Job");
  Json& spec = job["spec"];
  if (scope.node["deploy"]["mode"].Text() == "global-job") {
    scope.Note(scope.node["deploy"]["mode"], "deploy.mode", "a Job runs once, not once a node");
  }
  if (const auto replicas = ReplicasOf(scope)) {
    spec["completions"] = *replicas;
    spec["parallelism"] = *replicas;
  }
  const bool again = rule.when == "on-failure" || rule.when == "always" ||
                     (rule.when.empty() && IsSwarmJob(scope.node));
  spec["backoffLimit"] = again ? (rule.attempts > 0 ? rule.attempts : 1'000'000) : 0;
  pod_template["spec"]["restartPolicy"] = again ? "OnFailure" : "Never";
  if (rule.when == "always") {
    scope.Note(*rule.said, rule.key, "somebody waits for its end, so it may end");
  }
  const Node& update = scope.node["deploy"]["update_config"];
  if (update.Says()) {
    scope.Note(update, "deploy.update_config",
               "pods of a Job are not replaced: it runs to its end");
  }
  spec["template"] = std::move(pod_template);
  job["metadata"]["annotations"][kDigestAnnotation] = ShortDigest(spec.dump());
  return job;
}

// What update_config says, as a Deployment's strategy, or a DaemonSet's.
void PutStrategy(const Scope& scope, const char* field, Json& spec) {
  const Node& update = scope.node["deploy"]["update_config"];
  if (!update.Says()) return;
  int64_t batch = 1;
  if (update["parallelism"].Says()) {
    batch = scope.Sound(ReadInteger(update["parallelism"], 0, kReplicasMax)).value_or(1);
  }
  // 0: all at once.
  const Json amount = batch == 0 ? Json("100%") : Json(batch);
  const bool start_first = update["order"].Text() == "start-first";
  spec[field] = {{"type", "RollingUpdate"},
                 {"rollingUpdate",
                  {{"maxSurge", start_first ? amount : Json(0)},
                   {"maxUnavailable", start_first ? Json(0) : amount}}}};
}

void PutUpdate(const Scope& scope, const Node& update, Json& spec) {
  const Node& delay = update["delay"];
  if (delay.Says()) {
    const int64_t seconds = scope.Sound(ReadSeconds(delay)).value_or(0);
    if (seconds > 0) spec["minReadySeconds"] = seconds;
  }
  const Node& action = update["failure_action"];
  if (action.Says() && action.Text() != "pause") {
    scope.Note(action, "deploy.update_config.failure_action",
               "a rollout whose pods do not become ready stops: kubectl rollout undo");
  }
}

void PutReplicas(const Scope& scope, Json& spec) {
  if (const auto replicas = ReplicasOf(scope)) spec["replicas"] = *replicas;
}

Json DeploymentOf(const Scope& scope, Json pod_template) {
  Json object = WorkloadBase(scope, "apps/v1", "Deployment");
  Json& spec = object["spec"];
  const Node& update = scope.node["deploy"]["update_config"];
  PutReplicas(scope, spec);
  PutStrategy(scope, "strategy", spec);
  PutUpdate(scope, update, spec);
  spec["selector"] = SelectorOf(scope);
  spec["template"] = std::move(pod_template);
  return object;
}

Json StatefulSetOf(const Scope& scope, Json pod_template) {
  Json object = WorkloadBase(scope, "apps/v1", "StatefulSet");
  Json& spec = object["spec"];
  const Node& update = scope.node["deploy"]["update_config"];
  PutReplicas(scope, spec);
  PutUpdate(scope, update, spec);
  const Node& batch = update["parallelism"];
  if (batch.Says() && batch.Text() != "1") {
    scope.Note(batch, "deploy.update_config.parallelism",
               "pods that keep data are replaced one after another");
  }
  spec["podManagementPolicy"] = "Parallel";
  spec["serviceName"] = scope.name;
  spec["selector"] = SelectorOf(scope);
  spec["template"] = std::move(pod_template);
  return object;
}

Json DaemonSetOf(const Scope& scope, Json pod_template) {
  Json object = WorkloadBase(scope, "apps/v1", "DaemonSet");
  Json& spec = object["spec"];
  const Node& replicas = ReplicasNode(scope.node);
  if (replicas.Says()) scope.Note(replicas, "deploy.replicas", "mode: global runs one a node");
  PutStrategy(scope, "updateStrategy", spec);
  PutUpdate(scope, scope.node["deploy"]["update_config"], spec);
  spec["selector"] = SelectorOf(scope);
  spec["template"] = std::move(pod_template);
  return object;
}

bool SomebodyWaitsForItsEnd(const Project& project, const std::string& service) {
  for (const Member& other : project.root["services"].members) {
    const Node& condition = other.node["depends_on"][service]["condition"];
    if (condition.Text() == "service_completed_successfully") return true;
  }
  return false;
}

bool SomebodyNeedsItToRun(const Project& project, const std::string& service) {
  const auto& services = project.root["services"].members;
  return std::any_of(services.begin(), services.end(), [&](const Member& other) {
    const auto& needs = other.node["depends_on"].members;
    return std::any_of(needs.begin(), needs.end(), [&](const Member& need) {
      return need.key == service &&
             need.node["condition"].Text() != "service_completed_successfully";
    });
  });
}

// Nothing that only what keeps running has.
bool LooksLikeATask(const Node& node) {
  return node["ports"].items.empty() && node["expose"].items.empty() &&
         !node["healthcheck"].Says() && !node["deploy"]["update_config"].Says();
}

}  // namespace

const Node& ReplicasNode(const Node& service) {
  const Node& deploy = service["deploy"]["replicas"];
  return deploy.Says() ? deploy : service["scale"];
}

bool IsEnding(const Project& project, const std::string& service, const Node& node) {
  if (SomebodyWaitsForItsEnd(project, service) || IsSwarmJob(node)) return true;
  const auto rule = RestartOf(node);
  if (!rule || node["deploy"]["mode"].Text() == "global") return false;
  return (rule->when == "no" || rule->when == "on-failure") && LooksLikeATask(node);
}

// What is started again when it fails, and of which nobody says more, may as well be a server: a
// stack for Swarm says `condition: on-failure` of all it has. So may what never is, where others
// depend on it and not on its end: a file for developers says `restart: "no"` of its database.
bool IsTask(const Project& project, const std::string& service, const Node& node) {
  if (SomebodyWaitsForItsEnd(project, service) || IsSwarmJob(node)) return true;
  const auto rule = RestartOf(node);
  return rule && rule->when == "no" && !SomebodyNeedsItToRun(project, service);
}

Json WorkloadObject(const Scope& scope, Json pod_template, bool keeps_data) {
  const Node& mode = scope.node["deploy"]["mode"];
  const std::string word = mode.Text();
  if (mode.Says() && word != "replicated" && word != "global" && !IsSwarmJob(scope.node)) {
    scope.wrong.Add(Wrong(mode, fmt::format("invalid deploy mode: {}", word)));
  }
  const Node& order = scope.node["deploy"]["update_config"]["order"];
  if (order.Says() && order.Text() != "start-first" && order.Text() != "stop-first") {
    scope.wrong.Add(Wrong(order, fmt::format("invalid update order: {}", order.Text())));
  }
  const RestartRule rule = scope.Sound(RestartOf(scope.node)).value_or(RestartRule());
  if (scope.ends) return JobOf(scope, rule, std::move(pod_template));
  if (rule.when == "no" || rule.when == "on-failure") {
    scope.Note(*rule.said, rule.key, "what serves others is always restarted");
  }
  const Node& attempts = scope.node["deploy"]["restart_policy"]["max_attempts"];
  if (attempts.Says() && attempts.Text() != "0") {
    scope.Note(attempts, "deploy.restart_policy.max_attempts", "the kubelet does not give up");
  }
  if (word == "global") return DaemonSetOf(scope, std::move(pod_template));
  if (keeps_data && order.Text() != "start-first")
    return StatefulSetOf(scope, std::move(pod_template));
  return DeploymentOf(scope, std::move(pod_template));
}

}  // namespace skiff::cli::compose
