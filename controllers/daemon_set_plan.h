// Which nodes a DaemonSet runs on, and what has to be made and deleted there. Pure.
#pragma once

#include <map>
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

// The node a pod runs on or is meant for; "" when nothing says.
std::string NodeOf(const core_v1::Pod& pod);
std::map<std::string, Pods> ByNode(const Pods& pods);

struct Plan {
  std::vector<std::string> create;  // Nodes.
  Pods remove;
  Pods failed;     // Of `remove`: those that failed,
  Pods succeeded;  // and those that ended, though they should run forever.
};
// One pod on each node that should have one. `by_node` are the set's pods.
Plan Manage(const core_v1::PodSpec& spec, const Nodes& nodes,
            const std::map<std::string, Pods>& by_node);

struct RollingInput {
  const apps_v1::DaemonSet& set;
  std::string hash;  // Of the present template.
  Nodes nodes;
  std::map<std::string, Pods> by_node;
  TimePoint now;
};
// Old pods to delete, so that no more than maxUnavailable nodes lack an available one.
Pods RollingUpdate(const core_v1::PodSpec& spec, const RollingInput& input);

apps_v1::DaemonSetStatus StatusOf(const core_v1::PodSpec& spec, const RollingInput& input);

inline constexpr std::string_view kRevisionHash = "controller-revision-hash";

}  // namespace skiff::daemon
