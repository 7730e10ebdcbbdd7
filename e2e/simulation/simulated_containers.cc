#include "e2e/simulation/simulated_containers.h"

#include <fmt/format.h>

#include <algorithm>

#include "e2e/simulation/file_laws.h"

namespace skiff {
namespace {

constexpr Duration kStartTakes = 2s;
constexpr Duration kHookTakes = 1s;
constexpr Duration kNeverStops = 24h;
// A stop that fails is tried again, but not as fast as it fails.
constexpr Duration kStopsCounted = 10s;
constexpr size_t kStopsMax = 40;

}  // namespace

// What is asked for in an environment is there when it exists: the workload always has both.
void SimulatedContainers::Created(const cri::ContainerConfig& config) {
  const auto has = [&](const char* name) {
    return std::any_of(config.envs.begin(), config.envs.end(),
                       [&](const auto& each) { return each.first == name; });
  };
  if (config.metadata.name == "refused") {
    laws_.Broken("a container of a pod was made that its node cannot give what it asks for");
  }
  if (has("SETTING") && !has("CHOICE")) {
    laws_.Broken("container " + config.metadata.name + " was made without what is optional");
  }
}

void SimulatedContainers::Stopping(const std::string& container_id) {
  std::vector<Duration>& stops = stops_[container_id];
  const Duration now = clock_.Monotonic();
  stops_begun_.emplace(container_id, now);
  std::erase_if(stops, [&](Duration at) { return now - at > kStopsCounted; });
  stops.push_back(now);
  if (stops.size() != kStopsMax) return;
  laws_.Broken(fmt::format("a container is told to stop {} times in {} seconds", kStopsMax,
                           kStopsCounted / 1s));
}

// Drawn from the id, so that it is the same at every call.
Duration SimulatedContainers::StopTakes(const std::string& container_id) {
  const auto number = std::stoul(container_id.substr(0, 6), nullptr, 16);
  if (number % 10 < 6) return std::chrono::milliseconds(number % 2000);
  return number % 10 < 8 ? std::chrono::seconds(3 + number % 20) : kNeverStops;
}

bool SimulatedContainers::IsSick(const std::string& container_id) const {
  const auto found = sick_until_.find(container_id);
  return found != sick_until_.end() && clock_.Monotonic() < found->second;
}

Result<cri::ExecResult> SimulatedContainers::Exec(const cri::ContainerStatus& container,
                                                  const std::vector<std::string>& command,
                                                  Duration) {
  const std::string& what = command.at(0);
  const auto never = [] { return false; };
  cri::ExecResult failed;
  failed.exit_code = 1;
  if (what == "start") {
    laws_.ProbedForStart(container.id);
    const Duration now = clock_.Monotonic();
    if (now - asked_since_.emplace(container.id, now).first->second < kStartTakes) return failed;
  } else if (what == "answer" && IsSick(container.id)) {
    laws_.FailedProbe(container.id);
    return failed;
  } else if (what == "read" && !ReadMounted(container.mounts, command.at(1))) {
    laws_.FailedProbe(container.id);
    return failed;
  } else if (what == "leave") {
    if (!hooks_run_.insert(container.id).second) {
      laws_.Broken("the preStop hook of " + container.metadata.name + " ran twice");
    }
    if (!Wait(kHookTakes, never)) return Fail(Reason::kUnknown, "context canceled");
  }
  return cri::ExecResult{};
}

// One that is sick says so, or nothing. What it serves is the file at the path.
std::optional<int> SimulatedContainers::Get(const cri::ContainerStatus& container,
                                            const std::string& path) {
  const bool runs = container.state == cri::ContainerState::kRunning;
  if (runs && !IsSick(container.id) && ReadMounted(container.mounts, path)) return 200;
  laws_.FailedProbe(container.id);
  if (runs && container.id.front() < '8') return std::nullopt;
  return 503;
}

bool SimulatedContainers::Wait(Duration length, const std::function<bool()>& over) {
  return blocking_.Wait(length, over);
}

}  // namespace skiff
