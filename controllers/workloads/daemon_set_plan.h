// Which nodes a DaemonSet runs on, and what has to be made and deleted there. Pure.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/gen/apps_v1.h"
#include "base/clock.h"
#include "client/client.h"

namespace skiff::daemon {

using Pods = std::vector<Ptr<core_v1::Pod>>;
using Nodes = std::vector<Ptr<core_v1::Node>>;

// The template with the tolerations that let daemons run on troubled nodes.
core_v1::PodTemplateSpec DaemonTemplate(const apps_v1::DaemonSet& set, const std::string& hash);
// That template's pod, meant for one node: the scheduler finds no other.
core_v1::PodTemplateSpec TemplateFor(const core_v1::PodTemplateSpec& daemon_template,
                                     const std::string& node);

struct Decision {
  bool run = false;   // A pod is made where there is none.
  bool stay = false;  // One that is there stays.
};
Decision Decide(const core_v1::PodSpec& spec, const core_v1::Node& node);
// Whether that is the same for all of two versions of a node, as mostly: it is only alive.
bool DecidedAlike(const core_v1::Node& a, const core_v1::Node& b);

// The node a pod runs on or is meant for; "" when nothing says.
std::string NodeOf(const core_v1::Pod& pod);
// Without those that ended and are being deleted, for what holds them nobody waits; and without
// those of which nothing says where they will run: a set may have adopted them.
std::map<std::string, Pods> ByNode(const Pods& pods);

// Deletes failed pods ever more slowly: a node that refuses each new one would otherwise be asked
// again at once, for ever. The delay of a node doubles from 1 s to 15 min, and starts anew when
// nothing failed there for twice as long as the longest.
class FailedPodsBackOff {
 public:
  static constexpr Duration kFirst = 1s;
  static constexpr Duration kMax = 15min;
  // How long a pod that failed on the node has to wait for its end; 0 takes the turn.
  Duration Take(const std::string& node, Duration now);
  // Drops what is older than anybody needs.
  void DropExpired(Duration now);
  bool empty() const { return turns_.empty(); }

 private:
  struct Turn {
    Duration at{};
    Duration delay{};
  };
  static bool IsExpired(const Turn& turn, Duration now) { return now - turn.at > 2 * kMax; }
  std::map<std::string, Turn> turns_;
};

struct Plan {
  std::vector<std::string> create;  // Nodes.
  Pods remove;
  Pods failed;     // Of `remove`: those that failed,
  Pods succeeded;  // and those that ended, though they should run forever.
  Duration again = kNever;  // When a failed pod may go that may not yet.
};

struct RollingInput {
  const apps_v1::DaemonSet& set;
  std::string hash;  // Of the present template.
  Nodes nodes;
  std::map<std::string, Pods> by_node;
  TimePoint now;
};
// One pod on each node that should have one; while a set with maxSurge rolls, an old one beside the
// new one until that is available.
Plan Manage(const core_v1::PodSpec& spec, const RollingInput& input, FailedPodsBackOff& back_off,
            Duration monotonic);

struct Rolling {
  Pods remove;
  std::vector<std::string> create;  // Nodes that get a new pod beside the old one.
};
// No more than maxUnavailable nodes lack an available pod, and no more than maxSurge have two.
Rolling RollingUpdate(const core_v1::PodSpec& spec, const RollingInput& input);

apps_v1::DaemonSetStatus StatusOf(const core_v1::PodSpec& spec, const RollingInput& input);

inline constexpr std::string_view kRevisionHash = "controller-revision-hash";
inline constexpr std::string_view kTemplateGeneration = "pod-template-generation";

}  // namespace skiff::daemon
