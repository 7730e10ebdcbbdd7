#include "kubelet/pod_plan.h"

#include <algorithm>

namespace skiff::kubelet {
namespace {

enum class State : uint8_t { kNone, kCreated, kRunning, kSucceeded, kFailed, kUnknown };

State StateOf(const ObservedContainer* container) {
  if (container == nullptr) return State::kNone;
  switch (container->status.state) {
    case cri::ContainerState::kCreated:
      return State::kCreated;
    case cri::ContainerState::kRunning:
      return State::kRunning;
    case cri::ContainerState::kExited:
      return container->status.exit_code == 0 ? State::kSucceeded : State::kFailed;
    case cri::ContainerState::kUnknown:
      break;
  }
  return State::kUnknown;
}

class Planner {
 public:
  explicit Planner(const PlanInput& input)
      : spec_(input.pod.spec), observed_(input.observed), input_(input) {}

  PodPlan Plan() {
    if (NeedsSandbox()) {
      PlanNewSandbox();
      return std::move(plan_);
    }
    plan_.sandbox_id = observed_.sandboxes.front().id;
    PlanEphemeral();
    const bool initialized = PlanInit();
    if (plan_.kill_pod) return std::move(plan_);
    if (initialized) PlanRegular();
    return std::move(plan_);
  }

 private:
  bool NeedsSandbox();
  void PlanNewSandbox();
  void KillAllThatRuns();
  void PlanEphemeral();
  size_t LastInitBegun() const;
  // Returns whether regular containers may run.
  bool PlanInit();
  void PlanSidecar(size_t index, bool may_start);
  void PlanRegular();
  // Kills a running container that must be replaced; true when it did.
  bool KillIfBad(const core_v1::Container& container, const ObservedContainer& running,
                 bool is_init);
  bool AnyRegularCreated() const;
  ProbeState ProbesOf(const std::string& name) const {
    const auto found = input_.probes.find(name);
    return found == input_.probes.end() ? ProbeState{} : found->second;
  }
  void Kill(const ObservedContainer& container, std::string message,
            std::optional<int64_t> grace_s = std::nullopt) {
    plan_.kills.push_back({container.status.id, container.name, std::move(message), grace_s});
  }
  void KillToRestart(const ObservedContainer& container, std::string message,
                     std::optional<int64_t> grace_s = std::nullopt) {
    Kill(container, std::move(message), grace_s);
    plan_.kills.back().restarts = true;
  }
  // Of a regular container that has exited.
  bool Restarts(const core_v1::Container& container, const ObservedContainer& exited) const {
    return input_.killed_to_restart.contains(container.name) ||
           RestartsAfter(container, spec_, exited.status.exit_code);
  }

  const core_v1::PodSpec& spec_;
  const ObservedPod& observed_;
  const PlanInput& input_;
  PodPlan plan_;
};

bool Planner::NeedsSandbox() {
  if (observed_.sandboxes.empty()) return true;
  const cri::SandboxStatus& newest = observed_.sandboxes.front();
  plan_.sandbox_attempt = newest.metadata.attempt + 1;
  const auto ready =
      std::count_if(observed_.sandboxes.begin(), observed_.sandboxes.end(),
                    [](const auto& sandbox) { return sandbox.state == cri::SandboxState::kReady; });
  if (ready > 1 || newest.state != cri::SandboxState::kReady) return true;
  const bool host_network = newest.namespaces.network == cri::NamespaceMode::kNode;
  return host_network != spec_.host_network || (!spec_.host_network && newest.ips.empty());
}

void Planner::PlanNewSandbox() {
  // A run-once pod that has run is not brought back for a lost sandbox.
  if (spec_.restart_policy == "Never" && plan_.sandbox_attempt > 0 &&
      !observed_.containers.empty()) {
    plan_.kill_pod = true;
    return;
  }
  std::vector<size_t> wanted;
  for (size_t i = 0; i < spec_.containers.size(); ++i) {
    const auto& container = spec_.containers[i];
    const ObservedContainer* last = observed_.Newest(container.name);
    const std::string policy = container.restart_policy.value_or(spec_.restart_policy);
    const bool is_done = last != nullptr && last->IsExited() && last->status.exit_code == 0 &&
                         policy == "OnFailure" &&
                         !input_.killed_to_restart.contains(container.name);
    if (!is_done) wanted.push_back(i);
  }
  if (wanted.empty() && AnyRegularCreated()) {
    plan_.kill_pod = true;
    return;
  }
  plan_.create_sandbox = true;
  KillAllThatRuns();
  if (spec_.init_containers.empty()) {
    plan_.start_regular = std::move(wanted);
  } else {
    plan_.start_init = {0};
  }
}

// With the sandbox they would be killed without a word: as any others they have their hooks and
// their grace period. Who ends well because he is told to is not done for that.
void Planner::KillAllThatRuns() {
  for (const auto& [name, attempts] : observed_.containers) {
    for (const ObservedContainer& each : attempts) {
      if (each.IsRunning()) KillToRestart(each, "Stopping container " + name);
    }
  }
}

bool Planner::AnyRegularCreated() const {
  return std::any_of(spec_.containers.begin(), spec_.containers.end(), [&](const auto& container) {
    return observed_.Newest(container.name) != nullptr;
  });
}

void Planner::PlanEphemeral() {
  for (size_t i = 0; i < spec_.ephemeral_containers.size(); ++i) {
    if (observed_.Newest(spec_.ephemeral_containers[i].name) == nullptr) {
      plan_.start_ephemeral.push_back(i);
    }
  }
}

// What came before that one has ended well, though the runtime may have nothing of it any more.
size_t Planner::LastInitBegun() const {
  for (size_t i = spec_.init_containers.size(); i > 0; --i) {
    const ObservedContainer* found = observed_.Newest(spec_.init_containers[i - 1].name);
    if (found != nullptr && found->sandbox_id == plan_.sandbox_id) return i - 1;
  }
  return 0;
}

bool Planner::PlanInit() {
  const bool was_initialized = [&] {
    return std::any_of(spec_.containers.begin(), spec_.containers.end(), [&](const auto& each) {
      const ObservedContainer* found = observed_.Newest(each.name);
      return found != nullptr && found->sandbox_id == plan_.sandbox_id;
    });
  }();
  const size_t begun = LastInitBegun();
  bool all_before_done = true;
  for (size_t i = 0; i < spec_.init_containers.size(); ++i) {
    const core_v1::Container& container = spec_.init_containers[i];
    if (IsSidecar(container)) {
      PlanSidecar(i, all_before_done || was_initialized);
      const ObservedContainer* found = observed_.Newest(container.name);
      const bool started = found != nullptr && found->IsRunning() &&
                           ProbesOf(container.name).startup == StartupState::kStarted;
      all_before_done &= started;
      continue;
    }
    if (was_initialized || i < begun || !all_before_done) continue;
    const ObservedContainer* found = observed_.Newest(container.name);
    // What ran in an older sandbox does not count.
    if (found != nullptr && found->sandbox_id != plan_.sandbox_id) found = nullptr;
    switch (StateOf(found)) {
      case State::kSucceeded:
        break;
      case State::kNone:
      case State::kCreated:
        plan_.start_init.push_back(i);
        all_before_done = false;
        break;
      case State::kRunning:
        all_before_done = false;
        break;
      case State::kFailed:
      case State::kUnknown: {
        all_before_done = false;
        // Of one that is lost there is no code that a rule could look at.
        const bool restarts =
            found->IsExited() ? RestartsAfter(container, spec_, found->status.exit_code)
                              : container.restart_policy.value_or(spec_.restart_policy) != "Never";
        if (!restarts) {
          plan_ = PodPlan{};
          plan_.kill_pod = true;
          return false;
        }
        if (!found->IsExited()) {
          Kill(*found, "Init container is in \"unknown\" state, try killing it before restart");
        }
        plan_.start_init.push_back(i);
        break;
      }
    }
  }
  return was_initialized || all_before_done;
}

void Planner::PlanSidecar(size_t index, bool may_start) {
  const core_v1::Container& container = spec_.init_containers[index];
  const ObservedContainer* found = observed_.Newest(container.name);
  switch (StateOf(found)) {
    case State::kRunning:
      if (found->sandbox_id == plan_.sandbox_id && KillIfBad(container, *found, true)) {
        plan_.start_init.push_back(index);
      }
      return;
    case State::kUnknown:
      Kill(*found, "Init container is in \"unknown\" state, try killing it before restart");
      break;
    case State::kNone:
    case State::kCreated:
    case State::kSucceeded:
    case State::kFailed:
      break;
  }
  if (may_start) plan_.start_init.push_back(index);
}

// Of sidecars, which are started again whatever is said of others, Kubernetes does not say so.
bool Planner::KillIfBad(const core_v1::Container& container, const ObservedContainer& running,
                        bool is_init) {
  const std::string what = (is_init ? "Init container " : "Container ") + container.name;
  const std::string again = is_init ? "" : ", will be restarted";
  if (running.hash != ContainerHash(container)) {
    KillToRestart(running, what + " definition changed" + again);
    return true;
  }
  if (input_.resize_restarts.contains(container.name)) {
    KillToRestart(running, "Container " + container.name + " resize requires restart");
    return true;
  }
  const ProbeState probes = ProbesOf(container.name);
  const bool startup_failed = probes.startup == StartupState::kFailed;
  if (!probes.liveness_failed && !startup_failed) return false;
  const auto& probe = probes.liveness_failed ? container.liveness_probe : container.startup_probe;
  const std::string policy = container.restart_policy.value_or(spec_.restart_policy);
  const char* failed = probes.liveness_failed ? " failed liveness probe" : " failed startup probe";
  Kill(running, what + failed + (policy == "Never" ? "" : again),
       probe ? probe->termination_grace_period_seconds : std::nullopt);
  plan_.kills.back().restarts = policy != "Never";
  return policy != "Never";
}

void Planner::PlanRegular() {
  bool keeps_some = false;
  for (size_t i = 0; i < spec_.containers.size(); ++i) {
    const core_v1::Container& container = spec_.containers[i];
    const ObservedContainer* found = observed_.Newest(container.name);
    if (found != nullptr && found->sandbox_id != plan_.sandbox_id && !found->IsExited()) {
      found = nullptr;
    }
    switch (StateOf(found)) {
      case State::kNone:
      case State::kCreated:
        plan_.start_regular.push_back(i);
        break;
      case State::kRunning: {
        const size_t kills = plan_.kills.size();
        if (KillIfBad(container, *found, false)) plan_.start_regular.push_back(i);
        keeps_some |= plan_.kills.size() == kills;
        break;
      }
      case State::kUnknown:
        KillToRestart(*found, "Container is in \"unknown\" state, try killing it before restart");
        // Whether it has run to its end nobody knows.
        plan_.start_regular.push_back(i);
        break;
      case State::kSucceeded:
      case State::kFailed:
        if (Restarts(container, *found)) plan_.start_regular.push_back(i);
        break;
    }
  }
  if (keeps_some || !plan_.start_regular.empty()) return;
  plan_.kill_pod = true;
  plan_.kills.clear();
  plan_.start_init.clear();
  plan_.start_ephemeral.clear();
}

}  // namespace

PodPlan PlanPod(const PlanInput& input) {
  return Planner(input).Plan();
}

bool MayStopNow(const core_v1::PodSpec& spec, const std::string& container,
                const std::set<std::string>& running) {
  const auto runs = [&](const core_v1::Container& each) { return running.contains(each.name); };
  const auto& inits = spec.init_containers;
  const auto own = std::find_if(inits.begin(), inits.end(), [&](const auto& each) {
    return each.name == container && IsSidecar(each);
  });
  if (own == inits.end()) return true;
  if (std::any_of(spec.containers.begin(), spec.containers.end(), runs)) return false;
  return std::none_of(own + 1, inits.end(),
                      [&](const auto& each) { return IsSidecar(each) && runs(each); });
}

}  // namespace skiff::kubelet
