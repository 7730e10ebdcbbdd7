// Which nodes a pod could go to, and what keeps it off each of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/pods/pod_resources.h"
#include "cli/why/facts.h"
#include "cli/why/finding.h"

namespace skiff::cli::why {

// What pods that are there ask of a node, and which of its ports they hold.
struct Load {
  Resources asked;
  int64_t pods = 0;
  std::vector<core_v1::PodSpec> with_ports;
};

// A resource that a node has too little left of.
struct Shortage {
  std::string resource;  // "cpu" in milli, others in units.
  int64_t wanted = 0;
  int64_t free = 0;
  int64_t whole = 0;  // What the node has for pods altogether.
  int64_t by() const { return wanted - free; }
};

// What keeps a pod off one node; the first of it in kube-scheduler's order.
struct Obstacle {
  std::string cause;  // "" when nothing here does.
  std::string text;   // Of nodes with the same text: "has a taint a=b:NoSchedule that ..."
  std::vector<Shortage> shortages;
};

// `load` is what is on the node, nullptr where that is not known.
Obstacle ObstacleOn(const core_v1::PodSpec& pod, const core_v1::Node& node, const Load* load);

// What would keep it off still if that obstacle were gone: of a node that is cordoned, or of a
// taint. Of others nothing is said.
Obstacle ObstacleBehind(const core_v1::PodSpec& pod, core_v1::Node node, const Load* load,
                        const Obstacle& first);

// The node that a pod is for and no other, by a name in its affinity, as a DaemonSet's; "": of any.
std::string NodeOfDaemon(const core_v1::PodSpec& pod);
// Terms one of which must hold, and each of them as a whole: "disk=ssd and !old, or cores > 4".
std::string NodeSelectorText(const core_v1::NodeSelector& selector);
// Whether both want the same port of a node.
bool ContendForPort(const core_v1::PodSpec& pod, const core_v1::PodSpec& other);

// Labels that the pod is to be beside and that no other pod of its namespace has; "": there is one,
// or it looks for them elsewhere, too.
std::string LabelsOfNobody(const Facts& facts, const Json& pod);
// Adds the terms of "podAffinity" or "podAntiAffinity": "beside app=web, by
// kubernetes.io/hostname".
void SawTerms(const Json& pod, const char* affinity, std::string_view beside, Finding& finding);

// "1500m", "2.5Gi"
std::string AmountText(const std::string& resource, int64_t amount);

}  // namespace skiff::cli::why
