#include "e2e/simulation/node_laws.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kubelet/pod_observed.h"

namespace skiff {
namespace {

// A lagging watch, back-off of a list (30 s and up to as much again), a call that fails and is
// tried again.
constexpr Duration kSlack = 75s;
// The longest that a watch lags.
constexpr Duration kLag = 20s;
// The grace period of nodes, and what the controller needs.
constexpr Duration kSilenceMax = 40s + 60s;
constexpr Duration kBackoffFirst = 10s;
constexpr Duration kBackoffMax = 300s;

std::string Label(const cri::Container& container, const char* name) {
  const auto found = container.labels.find(name);
  return found == container.labels.end() ? "" : found->second;
}

Duration BackoffBefore(uint32_t attempt) {
  Duration delay = kBackoffFirst;
  for (uint32_t i = 0; i < attempt && delay < kBackoffMax; ++i) delay *= 2;
  return std::min(delay, kBackoffMax);
}

}  // namespace

void NodeLaws::Look(const std::vector<NodeView>& nodes, bool controllers_work) {
  const Duration now = clock_.Monotonic();
  if (controllers_work && !controllers_work_) controllers_work_since_ = now;
  controllers_work_ = controllers_work;
  for (const NodeView& node : nodes) LookAt(node, nodes_[node.name]);
  CheckMembers(nodes);
}

std::optional<Duration> NodeLaws::ConnectedSince(const std::string& node) const {
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || !found->second.is_connected) return std::nullopt;
  return found->second.connected_since;
}

void NodeLaws::LookAt(const NodeView& node, NodeState& state) {
  const Duration now = clock_.Monotonic();
  if (node.life != state.life) state.runs_since = state.connected_since = now;
  if (node.is_connected && !state.is_connected) state.connected_since = now;
  if (!node.is_connected && state.is_connected) state.silent_since = now;
  state.life = node.life;
  state.is_connected = node.is_connected;
  CheckSilence(node.name, state);
  for (const cri::Container& container : node.containers) {
    const auto [seen, is_new] = containers_.try_emplace(container.id);
    if (is_new) {
      seen->second.seen_at = now;
      seen->second.born_in_life = node.life;
    }
    if (container.state == cri::ContainerState::kExited && seen->second.ended_at == kNever) {
      seen->second.ended_at = now;
    }
    if (container.state == cri::ContainerState::kRunning) {
      NoteStop(node, container, state, seen->second);
      CheckEnd(container, state, seen->second);
    }
  }
  if (node.life != 0) CheckRestarts(node);
}

// Whoever stops a container while its watch shows that the pod is to go does it for that.
void NodeLaws::NoteStop(const NodeView& node, const cri::Container& container,
                        const NodeState& state, ContainerState& seen) const {
  const auto begun = node.stops_begun.find(container.id);
  if (begun == node.stops_begun.end() || !state.is_connected) return;
  const auto* pod = laws_.FindPod(Label(container, kubelet::kPodUidLabel));
  if (pod == nullptr || pod->told_at == kNever || pod->is_gone) return;
  const Duration known = std::max(pod->told_at, state.connected_since) + kLag;
  if (begun->second >= pod->told_at && clock_.Monotonic() >= known) seen.stops_in_life = state.life;
}

// None outlives its pod's grace period, and none starts when its pod has to go.
void NodeLaws::CheckEnd(const cri::Container& container, const NodeState& state,
                        ContainerState& seen) {
  const auto* pod = laws_.FindPod(Label(container, kubelet::kPodUidLabel));
  if (pod == nullptr || pod->told_at == kNever || !state.is_connected || seen.told) return;
  const Duration known = std::max(pod->told_at, state.connected_since) + kSlack;
  if (seen.seen_at > known) {
    seen.told = true;
    laws_.Broken("a container of pod " + pod->name + " was started though the pod is to go");
  }
  const Duration heard_at =
      pod->is_sudden ? std::max(pod->told_at, state.connected_since) : state.connected_since;
  // Who hears that the pod is gone, and knew that it was to go, makes haste.
  const bool hurries = pod->is_gone && seen.stops_in_life == state.life;
  const Duration due =
      std::max(pod->ends_by, hurries ? state.connected_since : heard_at + pod->grace) + kSlack;
  if (clock_.Monotonic() > due) {
    seen.told = true;
    laws_.Broken(fmt::format(
        "a container of pod {} outlives its grace period: told at {} s, to end by {} s, its kubelet "
        "connected since {} s, now {} s",
        pod->name, pod->told_at / 1s, pod->ends_by / 1s, state.connected_since / 1s,
        clock_.Monotonic() / 1s));
  }
}

// What crashes is started again by the kubelet that made it, whether the API is there or not.
void NodeLaws::CheckRestarts(const NodeView& node) {
  std::map<std::pair<std::string, std::string>, const cri::Container*> newest;
  for (const cri::Container& container : node.containers) {
    const auto*& kept = newest[{Label(container, kubelet::kPodUidLabel), container.metadata.name}];
    if (kept == nullptr || kept->metadata.attempt < container.metadata.attempt) kept = &container;
  }
  for (const auto& [key, container] : newest) {
    ContainerState& seen = containers_.at(container->id);
    if (container->metadata.name != "app" || seen.ended_at == kNever || seen.told) continue;
    const auto* pod = laws_.FindPod(key.first);
    const bool stays = pod != nullptr && pod->told_at == kNever && !pod->has_ended;
    if (!stays || seen.born_in_life != node.life) continue;
    const Duration due = seen.ended_at + BackoffBefore(container->metadata.attempt) + kSlack;
    if (clock_.Monotonic() <= due) continue;
    seen.told = true;
    laws_.Broken(fmt::format("nobody restarts the container of pod {} on {}: attempt {} ended at "
                             "{} s, now {} s",
                             pod->name, node.name, container->metadata.attempt, seen.ended_at / 1s,
                             clock_.Monotonic() / 1s));
  }
}

// A pod of the same name is another life of the same member: it begins when the one before has
// ended.
void NodeLaws::CheckMembers(const std::vector<NodeView>& nodes) {
  std::map<std::pair<std::string, std::string>, std::string> running;  // Set and name -> pod uid.
  for (const NodeView& node : nodes) {
    for (const cri::Container& container : node.containers) {
      if (container.state != cri::ContainerState::kRunning) continue;
      const std::string uid = Label(container, kubelet::kPodUidLabel);
      const auto* pod = laws_.FindPod(uid);
      if (pod == nullptr || pod->stateful_set.empty()) continue;
      const auto [first, is_first] = running.try_emplace({pod->stateful_set, pod->name}, uid);
      if (is_first || first->second == uid || !doubled_.insert(uid).second) continue;
      laws_.Broken("pod " + pod->name + " of a stateful set runs twice, and on " + node.name);
    }
  }
}

void NodeLaws::CheckSilence(const std::string& node, NodeState& state) {
  const Duration now = clock_.Monotonic();
  const bool was_known = std::exchange(state.is_known, laws_.IsNodeKnown(node));
  if (state.is_known && !was_known) state.known_since = now;
  if (state.is_connected) state.told = false;
  if (state.is_connected || state.told || !controllers_work_ || !state.is_known) return;
  const Duration since =
      std::max({state.silent_since, state.known_since, controllers_work_since_});
  if (now - since <= kSilenceMax) return;
  state.told = true;
  laws_.Broken("node " + node + " is silent, and nobody says that it is");
}

}  // namespace skiff
