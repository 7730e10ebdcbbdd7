// Which pods the kubelet takes, and what it asks the API for to know.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "api/pods/host_ports.h"
#include "api/pods/pod_phase.h"
#include "kubelet/api_lookups.h"
#include "kubelet/kubelet.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/preemption.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

bool WantsStrictGroups(const core_v1::Pod& pod) {
  return pod.spec.security_context &&
         pod.spec.security_context->supplemental_groups_policy.value_or("") == "Strict";
}

}  // namespace

void Kubelet::Admit(const Ptr<core_v1::Pod>& pod) {
  std::vector<Ptr<core_v1::Pod>> victims;
  const auto refusal = Refuse(*pod, victims);
  if (!refusal) {
    TellOfKeptPorts(*pod);
    return StartWorker(pod, std::nullopt, victims);
  }
  log_.Info("pod refused", {{"pod", KeyOf(*pod)},
                            {"reason", refusal->reason},
                            {"message", refusal->message}});
  dependencies_.events.Warning(*pod, refusal->reason, refusal->message);
  if (dependencies_.metrics != nullptr) dependencies_.metrics->refusals.Add({refusal->reason});
  StartWorker(pod, WaitingReason{refusal->reason, "Pod was rejected: " + refusal->message});
}

void Kubelet::TellOfKeptPorts(const core_v1::Pod& pod) {
  if (pod.spec.host_network || options_.kept_ports.empty()) return;
  std::set<int> told;
  for (const PodHostPort& port : HostPortsOf(pod.spec)) {
    const auto& kept = options_.kept_ports;
    if (std::find(kept.begin(), kept.end(), port.port) == kept.end()) continue;
    if (!told.insert(port.port).second) continue;
    dependencies_.events.Warning(
        pod, "HostPortKept",
        fmt::format("host port {} is this node's own: what arrives there is not led to the pod",
                    port.port));
  }
}

std::optional<PodRefusal> Kubelet::Refuse(const core_v1::Pod& pod,
                                          std::vector<Ptr<core_v1::Pod>>& victims) {
  if (shutdown_ != nullptr && shutdown_->is_under_way()) {
    return PodRefusal{"NodeShutdown", "Pod was rejected as the node is shutting down."};
  }
  if (auto message = RefusalUnderPressure(pod, eviction_.pressures())) {
    return PodRefusal{"Evicted", std::move(*message)};
  }
  NodeAbilities abilities = options_.abilities;
  if (!options_.writes_files) {
    // A simulated node gives whatever is asked of it.
    abilities.app_armor = abilities.supplemental_groups_policy = true;
  } else if (WantsStrictGroups(pod)) {
    const auto status = dependencies_.runtime.Status();
    abilities.supplemental_groups_policy =
        status && status->supplemental_groups_policy.value_or(false);
  }
  if (auto refusal = AllocateDevices(pod)) return refusal;
  // A resize that waits for room takes none.
  const auto others = resizes_.Allotted(AdmittedPods());
  Ptr<core_v1::Node> node = WithDevices(OwnNode(false));
  auto refusal = RefusePod({pod, *node, others, abilities});
  // The scheduler may have heard of a change of the Node before this kubelet has.
  if (refusal && DependsOnNode(*refusal)) {
    node = WithDevices(OwnNode(true));
    refusal = RefusePod({pod, *node, others, abilities});
  }
  if (refusal || !IsCriticalPod(pod)) return refusal;
  return MakeRoom({pod, *node, others, abilities}, victims);
}

std::optional<PodRefusal> Kubelet::MakeRoom(const AdmissionInput& input,
                                            std::vector<Ptr<core_v1::Pod>>& victims) {
  if (input.node.status.allocatable.empty()) return std::nullopt;  // Nobody has said yet.
  const auto shortfalls = ShortfallsOf(input);
  if (shortfalls.empty()) return std::nullopt;
  auto found = PodsToPreempt(input.pod, input.others, shortfalls);
  if (!found) {
    return PodRefusal{"UnexpectedAdmissionError",
                      "Unexpected error while attempting to recover from admission failure: " +
                          found.error().message};
  }
  victims = std::move(*found);
  for (const auto& victim : victims) Preempt(*victim, shortfalls.front().resource);
  return std::nullopt;
}

void Kubelet::Preempt(const core_v1::Pod& victim, const std::string& resource) {
  constexpr char kReason[] = "Preempting";
  constexpr char kMessage[] = "Preempted in order to admit critical pod";
  {
    MutexLock lock(mutex_);
    const auto found = workers_.find(victim.metadata.uid);
    if (found == workers_.end()) return;
    preempted_.insert(victim.metadata.uid);
    found->second->Terminate(
        WaitingReason{kReason, kMessage, true,
                      "Pod was preempted by Kubelet to accommodate a critical pod."},
        std::nullopt);
  }
  log_.Info("pod preempted", {{"pod", KeyOf(victim)}, {"resource", resource}});
  dependencies_.events.Warning(victim, kReason, kMessage);
  if (dependencies_.metrics != nullptr) dependencies_.metrics->preemptions.Add({resource});
}

std::vector<Ptr<core_v1::Pod>> Kubelet::AdmittedPods() const {
  std::vector<Ptr<core_v1::Pod>> pods;
  MutexLock lock(mutex_);
  for (const auto& [uid, worker] : workers_) {
    if (worker->state() >= PodWorker::State::kTerminated || refused_.contains(uid)) continue;
    // Whose object is gone has no place any more, as the scheduler sees it, though it still stops.
    if (worker->disposing()) continue;
    // Whoever was told that it has ended may have given its place away already.
    if (statuses_.IsSaidToHaveEnded(uid) || preempted_.contains(uid)) continue;
    pods.push_back(worker->pod());
  }
  return pods;
}

std::vector<PodCount> Kubelet::CountPods() const {
  constexpr const char* kLifecycles[] = {"sync", "terminating", "terminated"};
  constexpr const char* kConfigs[] = {"desired", "orphan"};
  constexpr const char* kStatic[] = {"", "true"};
  int desired[2] = {}, active[2] = {}, working[3][2][2] = {}, ephemeral = 0;
  for (const auto& pod : AdmittedPods()) ++active[IsStaticPod(*pod) ? 1 : 0];
  {
    MutexLock lock(mutex_);
    for (const auto& [uid, worker] : workers_) {
      const auto pod = worker->pod();
      const int is_static = IsStaticPod(*pod) ? 1 : 0;
      const bool is_orphan = worker->disposing();
      const auto state = worker->state();
      const int lifecycle = state >= PodWorker::State::kTerminated ? 2
                            : state == PodWorker::State::kTerminating ? 1 : 0;
      ++working[lifecycle][is_orphan ? 1 : 0][is_static];
      if (is_orphan) continue;
      ++desired[is_static];
      ephemeral += static_cast<int>(pod->spec.ephemeral_containers.size());
    }
  }
  const auto pods = dependencies_.pods.List();
  const auto mirrors = std::count_if(pods.begin(), pods.end(), [this](const auto& pod) {
    return IsMine(*pod) && IsMirrorPod(*pod);
  });
  std::vector<PodCount> counts = {
      {"kubelet_mirror_pods", {}, static_cast<int>(mirrors)},
      {"kubelet_managed_ephemeral_containers", {}, ephemeral},
  };
  for (const auto& [reason, count] : statuses_.CountResizes()) {
    if (reason.empty()) {
      counts.push_back({"kubelet_pod_in_progress_resizes", {}, count});
    } else {
      counts.push_back({"kubelet_pod_pending_resizes", {reason}, count});
    }
  }
  for (int is_static = 0; is_static < 2; ++is_static) {
    counts.push_back({"kubelet_desired_pods", {kStatic[is_static]}, desired[is_static]});
    counts.push_back({"kubelet_active_pods", {kStatic[is_static]}, active[is_static]});
    for (int lifecycle = 0; lifecycle < 3; ++lifecycle) {
      for (int config = 0; config < 2; ++config) {
        counts.push_back({"kubelet_working_pods",
                          {kConfigs[config], kLifecycles[lifecycle], kStatic[is_static]},
                          working[lifecycle][config][is_static]});
      }
    }
  }
  return counts;
}

Result<Ptr<core_v1::Node>> Kubelet::FindOwnNode() const {
  const ObjectKey key = {"", options_.node_name};
  if (!dependencies_.nodes) return dependencies_.client.Get<core_v1::Node>(key);
  auto cached = dependencies_.nodes->Get(key);
  if (cached || !dependencies_.nodes->synced()) return cached;
  return Fail(Reason::kNotFound, "there is no Node of that name");
}

Ptr<core_v1::Node> Kubelet::OwnNode(bool is_fresh) {
  const auto& told = dependencies_.own_node ? dependencies_.own_node : dependencies_.nodes;
  if (told && !is_fresh) {
    if (auto cached = told->Get({"", options_.node_name})) return node_ = std::move(cached);
  }
  const Duration now = dependencies_.clock.Monotonic();
  // Who does not answer is not asked again for every pod.
  const bool is_due = is_fresh || !node_read_at_ || now - *node_read_at_ >= kNodeAge;
  if (!options_.standalone && is_due) {
    auto found = is_fresh ? dependencies_.client.Get<core_v1::Node>({"", options_.node_name})
                          : FindOwnNode();
    if (found && *found) node_ = std::move(*found);
    node_read_at_ = now;
  }
  if (node_ != nullptr) return node_;
  auto own = std::make_shared<core_v1::Node>();
  own->metadata.name = options_.node_name;
  own->metadata.labels = options_.facts.labels;
  own->metadata.labels["kubernetes.io/hostname"] = options_.facts.hostname;
  own->metadata.labels["kubernetes.io/os"] = "linux";
  own->metadata.labels["kubernetes.io/arch"] = options_.facts.architecture;
  own->spec.taints = options_.facts.taints;
  own->status.allocatable = options_.facts.Allocatable();
  return own;
}

RegistryCredentials Kubelet::PullCredentials(const core_v1::Pod& pod) {
  std::vector<std::string> missing;
  RegistryCredentials credentials = ApiPullCredentials(objects_, pod, missing);
  if (!missing.empty()) {
    dependencies_.events.Warning(
        pod, "FailedToRetrieveImagePullSecret",
        fmt::format("Unable to retrieve some image pull secrets ({}); attempting to pull the image "
                    "may not succeed.",
                    fmt::join(missing, ", ")));
  }
  return credentials;
}

std::vector<TrackedAuth> Kubelet::NodePullCredentials(const core_v1::Pod& pod,
                                                      const std::string& image,
                                                      const std::stop_token& stop) {
  std::vector<TrackedAuth> auths = NodeCredentials(options_.root).For(image);
  for (TrackedAuth& auth : credential_providers_.For(pod, image, stop)) {
    auths.push_back(std::move(auth));
  }
  return auths;
}

ImagePuller::Dependencies Kubelet::ForImages() {
  ImagePuller::Dependencies given{dependencies_.runtime,
                                  dependencies_.clock,
                                  dependencies_.events,
                                  *tasks_,
                                  [this](const core_v1::Pod& pod) { return PullCredentials(pod); },
                                  [this](const std::string& uid) { WakeWorker(uid); },
                                  dependencies_.metrics,
                                  options_.pulls_max,
                                  &pulled_images_};
  // A simulated node has neither files nor programs: its pulls need not ask for them first.
  if (options_.writes_files) {
    given.of_node = [this](const core_v1::Pod& pod, const std::string& image,
                           const std::stop_token& stop) {
      return NodePullCredentials(pod, image, stop);
    };
  }
  return given;
}

CredentialProviders::Dependencies Kubelet::ForCredentialProviders() {
  const std::string& digest = options_.credential_providers.digest;
  if (dependencies_.metrics != nullptr && !digest.empty()) {
    dependencies_.metrics->registry.AddMeasured(
        {"kubelet_credential_provider_config_info",
         "[ALPHA] The digest of the configuration of programs for credentials.",
         {"hash"}},
        [digest] {
          return std::vector<Sample>{{{digest}, 1}};
        });
  }
  return {.clock = dependencies_.clock,
          .account = [this](const std::string& namespace_,
                            const std::string& name) -> Result<Ptr<core_v1::ServiceAccount>> {
            if (!options_.standalone) {
              return dependencies_.client.Get<core_v1::ServiceAccount>({namespace_, name});
            }
            return Fail(Reason::kForbidden,
                        "cannot get ServiceAccounts when kubelet is in standalone mode");
          },
          .token =
              [this](const core_v1::Pod& pod, const std::string& audience) {
                return objects_.Token(pod, audience, CredentialProviders::kTokenSeconds);
              },
          .metrics = dependencies_.metrics};
}

Result<std::string> Kubelet::RuntimeHandler(const core_v1::Pod& pod) {
  const std::string name = pod.spec.runtime_class_name.value_or("");
  if (name.empty()) return std::string();
  const auto found = objects_.Get<node_v1::RuntimeClass>("", name);
  if (found) return (*found)->handler;
  const Error& error = found.error();
  const std::string why = error.reason == Reason::kNotFound
                              ? fmt::format("runtimeclass.node.k8s.io \"{}\" not found", name)
                              : error.message;
  return Fail(error.reason, fmt::format("failed to lookup RuntimeClass {}: {}", name, why));
}

}  // namespace skiff::kubelet
