// What must hold between the API and what really runs on nodes: that containers end when their pods
// do, come back when they crash although nobody but their kubelet can help, and that nobody takes
// what a silent node said last for how it is, all of it within the time that those need who see to
// it; and that no member of a StatefulSet runs twice, at any time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "e2e/simulation/laws.h"
#include "kubelet/cri.h"

namespace skiff {

class NodeLaws {
 public:
  NodeLaws(const Clock& clock, Laws& laws) : clock_(clock), laws_(laws) {}

  struct NodeView {
    std::string name;
    // How often its kubelet was started; 0 while it does not run.
    int life = 0;
    // It reaches the server, and the runtime does what it is told.
    bool is_connected = false;
    const std::vector<cri::Container>& containers;
    // When (monotonic) this life of the kubelet first told a container to stop, by id.
    const std::map<std::string, Duration>& stops_begun;
  };
  // At any moment, for all nodes; `controllers_work`: those of the control plane run and reach it.
  void Look(const std::vector<NodeView>& nodes, bool controllers_work);
  // Since when (monotonic) the node is connected, at the last look; nullopt: it is not.
  std::optional<Duration> ConnectedSince(const std::string& node) const;

 private:
  struct NodeState {
    int life = 0;
    Duration runs_since{};       // Monotonic: this life.
    Duration connected_since{};  // In this life.
    Duration silent_since{};     // Unless it is connected.
    Duration known_since{};      // How it is, to the API: what it said may arrive late.
    bool is_known = false;
    bool is_connected = false;
    bool told = false;  // That it is silent.
  };
  struct ContainerState {
    Duration seen_at{};
    int born_in_life = 0;
    Duration ended_at = kNever;
    // The life of the kubelet in which it stops because its pod is to go; 0: none.
    int stops_in_life = 0;
    bool told = false;
  };
  void LookAt(const NodeView& node, NodeState& state);
  void CheckEnd(const cri::Container& container, const NodeState& state, ContainerState& seen);
  void NoteStop(const NodeView& node, const cri::Container& container, const NodeState& state,
                ContainerState& seen) const;
  void CheckRestarts(const NodeView& node);
  void CheckSilence(const std::string& node, NodeState& state);
  void CheckMembers(const std::vector<NodeView>& nodes);

  const Clock& clock_;
  Laws& laws_;
  std::map<std::string, NodeState> nodes_;
  std::map<std::string, ContainerState> containers_;  // By id; never forgotten.
  std::set<std::string> doubled_;                     // Uids of members of StatefulSets.
  Duration controllers_work_since_{};
  bool controllers_work_ = false;
};

}  // namespace skiff
