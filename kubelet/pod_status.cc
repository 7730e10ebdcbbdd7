#include "kubelet/pod_status.h"

#include <algorithm>

#include "api/pods/pod_phase.h"
#include "api/rules/pods/pod_resources.h"
#include "api/text/time_text.h"
#include "api/text/utf8.h"
#include "kubelet/container_details.h"
#include "kubelet/pod_conditions.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

constexpr int kLostExitCode = 137;
constexpr int kUnseenExitCode = 255;
// Of all containers of a pod together.
constexpr size_t kLastWordsBytesMax = 12 << 10;
// Why they wait, likewise: runtimes quote what they were given, which may be half an object.
constexpr size_t kWaitingBytesMax = 128 << 10;

// The API keeps no fractions: with them every status would look changed after a restart.
// What the runtime has no time of is at the beginning of Unix's, as the kubelet says it: of a
// container that could not be started, clients are told so.
Time WholeSeconds(TimePoint time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return seconds == TimePoint{} ? Time(Instant{}) : Time(seconds);
}

core_v1::ContainerStateTerminated Terminated(const ObservedContainer& container,
                                             const std::string& container_id) {
  core_v1::ContainerStateTerminated out;
  out.exit_code = container.status.exit_code;
  out.reason = container.status.reason;
  if (out.reason.empty()) out.reason = out.exit_code == 0 ? "Completed" : "Error";
  out.message = container.message.empty() ? container.status.message : container.message;
  out.started_at = WholeSeconds(container.status.started_at);
  out.finished_at = WholeSeconds(container.status.finished_at);
  out.container_id = container_id;
  return out;
}

// How containerd says it of a container that it finds dead after the machine was started anew.
core_v1::ContainerStateTerminated DiedUnseen(const core_v1::ContainerStatus& before,
                                             TimePoint found) {
  core_v1::ContainerStateTerminated out;
  out.exit_code = kUnseenExitCode;
  out.reason = "Unknown";
  out.started_at = before.state.running->started_at;
  out.finished_at = WholeSeconds(found);
  out.container_id = before.container_id;
  return out;
}

// What containers say must not make a status that the API refuses for its size.
void BoundMessages(core_v1::PodStatus& status) {
  const auto lists = {&status.container_statuses, &status.init_container_statuses,
                      &status.ephemeral_container_statuses};
  size_t count = 0;
  for (const auto* list : lists) count += list->size();
  for (auto* list : lists) {
    for (auto& each : *list) {
      for (auto* state : {&each.state, &each.last_state}) {
        if (state->terminated) CutUtf8(state->terminated->message, kLastWordsBytesMax / count);
        if (state->waiting) CutUtf8(state->waiting->message, kWaitingBytesMax / count);
      }
    }
  }
}

class StatusMaker {
 public:
  explicit StatusMaker(const StatusInput& input)
      : input_(input), spec_(input.pod.spec), old_(input.Before()) {}
  core_v1::PodStatus Make();

 private:
  core_v1::ContainerStatus ContainerStatusOf(const core_v1::Container& container, bool is_init);
  void FillFromRuntime(const core_v1::Container& container, bool is_init,
                       const std::vector<ObservedContainer>& attempts,
                       core_v1::ContainerStatus& out);
  // How the attempt before the only one that the runtime knows has ended.
  void RecallEnd(const core_v1::ContainerStatus* before, const ObservedContainer& newest,
                 core_v1::ContainerStatus& out) const;
  void MarkLost(const core_v1::ContainerStatus* before, core_v1::ContainerStatus& out);
  void ApplyWaiting(const core_v1::Container& container, core_v1::ContainerStatus& out);
  void SayFinalWord(core_v1::PodStatus& status) const;
  bool HasInitialized() const;
  const auto& observed() const { return input_.observed.containers; }
  // Nothing of it was ever made, and it has ended.
  bool WasRefused() const {
    return observed().empty() && old_.container_statuses.empty() &&
           (input_.failure || HasEnded(old_.phase));
  }
  std::string Phase(const core_v1::PodStatus& status) const;
  std::string PhaseOfRegular(const core_v1::PodStatus& status) const;
  void FillAddresses(core_v1::PodStatus& status) const;
  const core_v1::ContainerStatus* Before(const std::string& name, bool is_init) const;
  std::string IdOf(const ObservedContainer& container) const {
    return input_.runtime_name + "://" + container.status.id;
  }

  const StatusInput& input_;
  const core_v1::PodSpec& spec_;
  const core_v1::PodStatus& old_;
};

const core_v1::ContainerStatus* StatusMaker::Before(const std::string& name, bool is_init) const {
  const auto& list = is_init ? old_.init_container_statuses : old_.container_statuses;
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const auto& status) { return status.name == name; });
  return found == list.end() ? nullptr : &*found;
}

void StatusMaker::FillFromRuntime(const core_v1::Container& container, bool is_init,
                                  const std::vector<ObservedContainer>& attempts,
                                  core_v1::ContainerStatus& out) {
  const ObservedContainer& newest = attempts.front();
  out.restart_count = static_cast<int32_t>(newest.attempt);
  out.container_id = IdOf(newest);
  if (!newest.status.image.user_specified_image.empty()) {
    out.image = newest.status.image.user_specified_image;
  } else if (!newest.status.image.image.empty()) {
    out.image = newest.status.image.image;
  }
  out.image_id = newest.status.image_ref;
  const bool plain_init = is_init && !IsSidecar(container);
  const auto probe = input_.probes.find(container.name);
  const bool startup_done =
      probe == input_.probes.end() || probe->second.startup == StartupState::kStarted;
  out.started = false;
  switch (newest.status.state) {
    case cri::ContainerState::kRunning: {
      out.state.running.emplace().started_at = WholeSeconds(newest.status.started_at);
      out.started = plain_init || startup_done;
      const auto ready = input_.ready.find(container.name);
      out.ready = !plain_init && startup_done && (ready == input_.ready.end() || ready->second);
      break;
    }
    case cri::ContainerState::kExited:
      out.state.terminated = Terminated(newest, out.container_id);
      out.ready = plain_init && newest.status.exit_code == 0;
      break;
    case cri::ContainerState::kCreated:
      out.state.waiting.emplace();
      break;
    case cri::ContainerState::kUnknown: {
      auto& lost = out.state.terminated.emplace();
      lost.exit_code = kLostExitCode;
      lost.reason = "ContainerStatusUnknown";
      lost.message = "The container could not be located when the pod was terminated";
      break;
    }
  }
  if (attempts.size() > 1 && attempts[1].IsExited()) {
    out.last_state.terminated = Terminated(attempts[1], IdOf(attempts[1]));
  } else if (input_.runtime_forgets && attempts.size() == 1 && newest.attempt > 0) {
    RecallEnd(Before(container.name, is_init), newest, out);
  }
}

void StatusMaker::RecallEnd(const core_v1::ContainerStatus* before, const ObservedContainer& newest,
                            core_v1::ContainerStatus& out) const {
  if (before == nullptr) return;
  if (before->container_id == out.container_id || before->state.waiting) {
    out.last_state = before->last_state;
  } else if (before->state.terminated) {
    out.last_state.terminated = before->state.terminated;
  } else if (before->state.running) {
    out.last_state.terminated = DiedUnseen(*before, newest.status.created_at);
  }
}

// The runtime no longer has a container that the API says ran.
void StatusMaker::MarkLost(const core_v1::ContainerStatus* before, core_v1::ContainerStatus& out) {
  if (before == nullptr) return;
  if (before->state.terminated) {
    // It ended and was cleaned up: what is known of its end stays.
    out = *before;
    return;
  }
  out.restart_count = before->restart_count;
  if (before->last_state.terminated) out.last_state = before->last_state;
  if (!before->state.running) return;
  out.image = before->image;
  out.image_id = before->image_id;
  if (input_.runtime_forgets && input_.last == nullptr) {
    out.last_state.terminated = DiedUnseen(*before, input_.now);
  } else {
    auto& lost = out.last_state.terminated.emplace();
    lost.exit_code = kLostExitCode;
    lost.reason = "ContainerStatusUnknown";
    lost.message =
        "The container could not be located when the pod was deleted.  The container used to be "
        "Running";
    lost.container_id = before->container_id;
  }
  if (!input_.pod.metadata.deletion_timestamp) ++out.restart_count;
}

void StatusMaker::ApplyWaiting(const core_v1::Container& container, core_v1::ContainerStatus& out) {
  const auto found = input_.waiting.find(container.name);
  if (found == input_.waiting.end() || out.state.running) return;
  if (out.state.terminated) out.last_state.terminated = out.state.terminated;
  out.state = core_v1::ContainerState();
  auto& waiting = out.state.waiting.emplace();
  waiting.reason = found->second.reason;
  waiting.message = found->second.message;
  out.ready = false;
}

// Whether the pod has come past its init containers, now or earlier.
bool StatusMaker::HasInitialized() const {
  if (spec_.init_containers.empty()) return true;
  for (const auto& container : spec_.containers) {
    if (observed().contains(container.name)) return true;
    const auto* before = Before(container.name, false);
    if (before == nullptr) continue;
    if (before->state.running || before->state.terminated || before->last_state.terminated) {
      return true;
    }
  }
  const core_v1::Container& last = spec_.init_containers.back();
  const ObservedContainer* newest = input_.observed.Newest(last.name);
  // A sidecar that has ended was stopped, which says nothing of its start.
  if (!IsSidecar(last) && newest != nullptr && newest->IsExited() &&
      newest->status.exit_code == 0) {
    return true;
  }
  const auto* before = Before(last.name, true);
  if (before == nullptr) return false;
  if (IsSidecar(last)) return before->started.value_or(false);
  return before->state.terminated && before->state.terminated->exit_code == 0;
}

core_v1::ContainerStatus StatusMaker::ContainerStatusOf(const core_v1::Container& container,
                                                        bool is_init) {
  core_v1::ContainerStatus out;
  out.name = container.name;
  out.image = container.image;
  out.started = false;
  out.state.waiting.emplace().reason =
      spec_.init_containers.empty() || is_init ? "ContainerCreating" : "PodInitializing";
  if (is_init && !spec_.init_containers.empty()) out.state.waiting->reason = "PodInitializing";
  const auto attempts = input_.observed.containers.find(container.name);
  if (attempts != input_.observed.containers.end() && !attempts->second.empty()) {
    out.state = core_v1::ContainerState();
    FillFromRuntime(container, is_init, attempts->second, out);
  } else {
    MarkLost(Before(container.name, is_init), out);
  }
  const auto actuated = input_.actuated.find(container.name);
  FillDetails(container, input_.observed.Newest(container.name),
              actuated == input_.actuated.end() ? nullptr : &actuated->second,
              input_.recursive_read_only, out);
  ApplyWaiting(container, out);
  return out;
}

// Of containers that may have run and of which nothing is known any more, and of the pod itself.
// One that never began stays waiting, which is no reason to keep its pod: all that ran has ended.
void StatusMaker::SayFinalWord(core_v1::PodStatus& status) const {
  const auto end = [](core_v1::ContainerStatus& container) {
    if (container.state.terminated) return;
    auto& lost = (container.state = core_v1::ContainerState()).terminated.emplace();
    lost.exit_code = kLostExitCode;
    lost.reason = "ContainerStatusUnknown";
    lost.message = "The container could not be located when the pod was terminated";
    container.ready = false;
  };
  if (HasInitialized()) {
    for (auto& container : status.container_statuses) end(container);
  }
  // They begin one after the other, and nobody knows of the first that it did not.
  auto& inits = status.init_container_statuses;
  size_t begun = std::min<size_t>(1, inits.size());
  for (size_t i = 0; i < inits.size(); ++i) {
    if (!inits[i].state.waiting || inits[i].last_state.terminated) begun = i + 1;
  }
  for (size_t i = 0; i < begun; ++i) end(inits[i]);
  if (!HasEnded(status.phase) && !IsStaticPod(input_.pod)) status.phase = "Failed";
}

std::string StatusMaker::PhaseOfRegular(const core_v1::PodStatus& status) const {
  int running = 0, waiting = 0, stopped = 0, succeeded = 0, restartable = 0;
  for (size_t i = 0; i < spec_.containers.size(); ++i) {
    const auto found =
        std::find_if(status.container_statuses.begin(), status.container_statuses.end(),
                     [&](const auto& each) { return each.name == spec_.containers[i].name; });
    const core_v1::ContainerState& state = found->state;
    const auto& ended = state.terminated ? state.terminated : found->last_state.terminated;
    if (state.running) {
      ++running;
    } else if (!ended) {
      ++waiting;
    } else {
      ++stopped;
      if (state.terminated && ended->exit_code == 0) ++succeeded;
      if (input_.killed_to_restart.contains(spec_.containers[i].name) ||
          RestartsAfter(spec_.containers[i], spec_, ended->exit_code)) {
        ++restartable;
      }
    }
  }
  if (waiting > 0) return "Pending";
  if (running > 0) return "Running";
  if (stopped == 0) return "Pending";
  if (input_.terminated) return stopped == succeeded ? "Succeeded" : "Failed";
  if (input_.terminating) return "Running";
  if (restartable > 0) return "Running";
  return stopped == succeeded ? "Succeeded" : "Failed";
}

std::string StatusMaker::Phase(const core_v1::PodStatus& status) const {
  if (HasEnded(old_.phase)) return old_.phase;
  if (input_.failure) return "Failed";
  bool initializing = false;
  const bool regular_started = std::any_of(
      status.container_statuses.begin(), status.container_statuses.end(), [](const auto& each) {
        return each.state.running || each.state.terminated || each.last_state.terminated;
      });
  for (size_t i = 0; i < spec_.init_containers.size(); ++i) {
    const core_v1::Container& container = spec_.init_containers[i];
    const core_v1::ContainerStatus& init = status.init_container_statuses[i];
    if (IsSidecar(container)) {
      initializing |= !init.started.value_or(false) && !regular_started;
      continue;
    }
    const auto& ended = init.state.terminated ? init.state.terminated : init.last_state.terminated;
    const bool failed = ended && ended->exit_code != 0;
    if (failed && !RestartsAfter(container, spec_, ended->exit_code)) return "Failed";
    initializing |= !(init.state.terminated && init.state.terminated->exit_code == 0);
  }
  if (initializing && !input_.terminated && !regular_started) return "Pending";
  return PhaseOfRegular(status);
}

void StatusMaker::FillAddresses(core_v1::PodStatus& status) const {
  for (const std::string& ip : input_.node_ips) status.host_ips.emplace_back().ip = ip;
  if (!input_.node_ips.empty()) status.host_ip = input_.node_ips.front();
  std::vector<std::string> ips;
  if (spec_.host_network) {
    ips = input_.node_ips;
  } else if (!input_.observed.sandboxes.empty() &&
             input_.observed.sandboxes.front().state == cri::SandboxState::kReady) {
    ips = input_.observed.sandboxes.front().ips;
  }
  for (const std::string& ip : ips) status.pod_ips.emplace_back().ip = ip;
  if (!ips.empty()) status.pod_ip = ips.front();
  // A pod that ended keeps the addresses it had.
  if (ips.empty() && !old_.pod_ip.empty() && input_.terminating) {
    status.pod_ip = old_.pod_ip;
    status.pod_ips = old_.pod_ips;
  }
}

core_v1::PodStatus StatusMaker::Make() {
  core_v1::PodStatus status;
  status.observed_generation = input_.pod.metadata.generation;
  for (const auto& container : spec_.init_containers) {
    status.init_container_statuses.push_back(ContainerStatusOf(container, true));
  }
  for (const auto& container : spec_.containers) {
    status.container_statuses.push_back(ContainerStatusOf(container, false));
  }
  std::sort(status.container_statuses.begin(), status.container_statuses.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const auto& ephemeral : spec_.ephemeral_containers) {
    core_v1::Container like;
    like.name = ephemeral.name;
    like.image = ephemeral.image;
    like.volume_mounts = ephemeral.volume_mounts;
    core_v1::ContainerStatus& made =
        status.ephemeral_container_statuses.emplace_back(ContainerStatusOf(like, false));
    // Nobody probes them, and no Service waits for them.
    made.ready = false;
    made.started.reset();
  }
  std::sort(status.ephemeral_container_statuses.begin(), status.ephemeral_container_statuses.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  status.phase = Phase(status);
  const bool refused = WasRefused();
  if (refused) {
    status.init_container_statuses.clear();
    status.container_statuses.clear();
    status.ephemeral_container_statuses.clear();
  }
  if (input_.failure) {
    status.reason = input_.failure->reason;
    status.message = input_.failure->message;
  } else if (status.phase == old_.phase) {
    status.reason = old_.reason;
    status.message = old_.message;
  }
  status.start_time =
      old_.start_time ? old_.start_time : std::optional<Time>(WholeSeconds(input_.now));
  status.qos_class = old_.qos_class.empty() ? ComputeQosClass(spec_) : old_.qos_class;
  const core_v1::PodStatus& others = input_.pod.status;
  status.nominated_node_name = others.nominated_node_name;
  status.resource_claim_statuses = others.resource_claim_statuses;
  if (refused) {
    KeepForeignConditions(input_, status);
    return status;
  }
  FillAddresses(status);
  FillConditions(input_, status);
  if (input_.terminated) SayFinalWord(status);
  return status;
}

}  // namespace

core_v1::PodStatus ComputePodStatus(const StatusInput& input) {
  core_v1::PodStatus status = StatusMaker(input).Make();
  BoundMessages(status);
  return status;
}

}  // namespace skiff::kubelet
