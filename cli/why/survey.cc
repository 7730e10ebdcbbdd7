#include "cli/why/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/codec/typed.h"
#include "api/pods/host_ports.h"
#include "api/pods/pod_phase.h"
#include "api/select/node_selector.h"
#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

using Loads = std::map<std::string, Load, std::less<>>;

Loads LoadsOf(const Facts& facts) {
  Loads loads;
  for (const Json& each : facts.Of("pods")) {
    const std::string node = TextAt(each, "spec", "nodeName");
    if (node.empty() || HasEnded(TextAt(each, "status", "phase"))) continue;
    const auto pod = FromJson<core_v1::Pod>(each);
    if (!pod) continue;
    Load& load = loads[node];
    load.asked.Add(PodRequests(pod->spec));
    ++load.pods;
    if (!HostPortsOf(pod->spec).empty()) load.with_ports.push_back(pod->spec);
  }
  return loads;
}

// The volumes that its claims are bound to, where those are for some nodes alone.
std::vector<core_v1::PersistentVolume> VolumesOf(const Facts& facts, const Json& pod) {
  std::vector<core_v1::PersistentVolume> volumes;
  for (const Json& each : At(pod, "spec", "volumes")) {
    const std::string name = TextAt(each, "persistentVolumeClaim", "claimName");
    const Json* claim = facts.Find("persistentvolumeclaims", NamespaceOf(pod), name);
    if (!claim) continue;
    const Json* volume = facts.Find("persistentvolumes", "", TextAt(*claim, "spec", "volumeName"));
    if (!volume) continue;
    auto typed = FromJson<core_v1::PersistentVolume>(*volume);
    if (typed && typed->spec.node_affinity && typed->spec.node_affinity->required) {
      volumes.push_back(std::move(*typed));
    }
  }
  return volumes;
}

Obstacle VolumeObstacle(const std::vector<core_v1::PersistentVolume>& volumes,
                        const core_v1::Node& node) {
  for (const core_v1::PersistentVolume& volume : volumes) {
    if (Matches(*volume.spec.node_affinity->required, node)) continue;
    return {"VolumeAffinity",
            fmt::format("cannot reach volume {}, which is for other nodes", volume.metadata.name),
            {}};
  }
  return {};
}

// `behind`: what is in its way on that node besides.
void AddNode(const std::string& name, Obstacle obstacle, const Obstacle& behind, Survey& survey) {
  if (obstacle.cause.empty()) {
    survey.fitting.push_back(name);
    return;
  }
  auto group = std::find_if(survey.groups.begin(), survey.groups.end(), [&](const NodeGroup& each) {
    return each.obstacle.text == obstacle.text;
  });
  if (group == survey.groups.end()) {
    survey.groups.push_back({obstacle, {}, {}, {}, {}});
    group = survey.groups.end() - 1;
  }
  group->nodes.push_back(name);
  if (behind.cause.empty()) {
    group->freed.push_back(name);
  } else if (group->behind.empty()) {
    group->behind = fmt::format("without that {} {}", name, behind.text);
  }
  for (const Shortage& shortage : obstacle.shortages) {
    const auto [best, is_new] =
        group->best.try_emplace(shortage.resource, std::pair(shortage, name));
    if (!is_new && shortage.by() < best->second.first.by()) best->second = {shortage, name};
  }
}

// No pod asks for a place among a node's pods: that there is none is no matter of what it wants.
std::string WordFor(const NodeGroup& group) {
  const bool is_full = group.best.size() == 1 && group.best.contains("pods");
  return is_full ? "Full" : group.obstacle.cause;
}

// "cpu: wants 2, node-1 has most with 500m free of 4, short by 1500m"
void AddGroup(const NodeGroup& group, bool loads_known, Finding& finding) {
  finding.Saw(fmt::format("{}: {}", group.nodes.size() == 1 ? "it" : "each", group.obstacle.text),
              fmt::format("{}: {}", Count(group.nodes.size(), "node"), Some(group.nodes)));
  if (group.freed.empty()) finding.Saw(group.behind, "nodes");
  for (const auto& [resource, best] : group.best) {
    const auto& [shortage, node] = best;
    finding.Saw(
        fmt::format("{}: it wants {}, {} has {} free of {}, short by {}", resource,
                    AmountText(resource, shortage.wanted), node,
                    AmountText(resource, shortage.free), AmountText(resource, shortage.whole),
                    AmountText(resource, shortage.by())),
        loads_known ? "allocatable, less what pods there request" : "allocatable");
  }
}

// Who holds the port of a node that it wants.
void SawPortHolder(const Facts& facts, const Json& document, const std::string& node,
                   Finding& finding) {
  const auto pod = FromJson<core_v1::Pod>(document);
  if (!pod) return;
  for (const Json& each : facts.Of("pods")) {
    if (TextAt(each, "spec", "nodeName") != node || HasEnded(TextAt(each, "status", "phase"))) {
      continue;
    }
    const auto other = FromJson<core_v1::Pod>(each);
    if (!other || !ContendForPort(pod->spec, other->spec)) continue;
    finding.Saw(fmt::format("pod {} in {} has it on {}", NameOf(each), NamespaceOf(each), node),
                "pods");
    return;
  }
}

// Which nodes its volumes are for.
void SawVolumeNodes(const Facts& facts, const Json& pod, Finding& finding) {
  for (const core_v1::PersistentVolume& volume : VolumesOf(facts, pod)) {
    finding.Saw("is for nodes with " + NodeSelectorText(*volume.spec.node_affinity->required),
                fmt::format("persistentvolume/{} spec.nodeAffinity", volume.metadata.name));
  }
}

// "are cordoned" of "is cordoned".
std::string OfSeveral(const std::string& text) {
  for (const auto& [one, several] :
       {std::pair("is ", "are "), std::pair("has ", "have "), std::pair("does ", "do ")}) {
    if (text.starts_with(one)) return several + text.substr(std::string_view(one).size());
  }
  return text;
}

}  // namespace

Survey SurveyOf(const Facts& facts, const Json& document) {
  Survey survey;
  const auto pod = FromJson<core_v1::Pod>(document);
  if (!pod) return survey;
  const bool loads_known = facts.Has("pods");
  const Loads loads = LoadsOf(facts);
  const auto volumes = VolumesOf(facts, document);
  const Load nothing;
  survey.own_node = NodeOfDaemon(pod->spec);
  if (!facts.Find("nodes", "", survey.own_node)) survey.own_node.clear();
  for (const Json& each : facts.Of("nodes")) {
    if (!survey.own_node.empty() && NameOf(each) != survey.own_node) continue;
    const auto node = FromJson<core_v1::Node>(each);
    if (!node) continue;
    ++survey.nodes;
    const auto found = loads.find(node->metadata.name);
    const Load* load = found == loads.end() ? &nothing : &found->second;
    Obstacle obstacle = ObstacleOn(pod->spec, *node, loads_known ? load : nullptr);
    if (obstacle.cause.empty()) obstacle = VolumeObstacle(volumes, *node);
    Obstacle behind = ObstacleBehind(pod->spec, *node, loads_known ? load : nullptr, obstacle);
    if (behind.cause.empty() && obstacle.cause != "VolumeAffinity") {
      behind = VolumeObstacle(volumes, *node);
    }
    AddNode(node->metadata.name, std::move(obstacle), behind, survey);
  }
  std::stable_sort(
      survey.groups.begin(), survey.groups.end(),
      [](const NodeGroup& a, const NodeGroup& b) { return a.nodes.size() > b.nodes.size(); });
  return survey;
}

std::string SurveyText(const Survey& survey) {
  if (survey.groups.size() == 1) {
    const NodeGroup& group = survey.groups[0];
    const std::string who =
        survey.nodes == 1 ? survey.OnlyNode() : fmt::format("each of {} nodes", survey.nodes);
    if (group.best.size() != 1) return fmt::format("{} {}", who, group.obstacle.text);
    const auto& [resource, best] = *group.best.begin();
    const auto& [shortage, node] = best;
    if (resource == "pods") return fmt::format("{} is full: as many pods as it takes", who);
    return fmt::format(
        "it wants {} {}, and {}", AmountText(resource, shortage.wanted), resource,
        survey.nodes == 1
            ? fmt::format("{} has {} free", survey.OnlyNode(), AmountText(resource, shortage.free))
            : fmt::format("no node of {} has more than {} free", survey.nodes,
                          AmountText(resource, shortage.free)));
  }
  std::string text = fmt::format("none of {} nodes takes it", survey.nodes);
  for (size_t i = 0; i < survey.groups.size(); ++i) {
    const NodeGroup& group = survey.groups[i];
    const size_t count = group.nodes.size();
    text += fmt::format("{} {} {}", i == 0 ? ":" : ",", count,
                        count == 1 ? group.obstacle.text : OfSeveral(group.obstacle.text));
  }
  return text;
}

void AddSurvey(const Facts& facts, const Json& pod, const Survey& survey, Finding& finding) {
  for (const NodeGroup& group : survey.groups) finding.obstacles.push_back(WordFor(group));
  constexpr size_t kGroupsMax = 8;
  for (size_t i = 0; i < std::min(survey.groups.size(), kGroupsMax); ++i) {
    const NodeGroup& group = survey.groups[i];
    AddGroup(group, facts.Has("pods"), finding);
    if (group.obstacle.cause == "HostPort") SawPortHolder(facts, pod, group.nodes[0], finding);
    if (group.obstacle.cause == "VolumeAffinity") SawVolumeNodes(facts, pod, finding);
  }
  if (survey.fitting.empty()) return;
  finding.Saw(fmt::format("{} room, labels and no taints against it",
                          survey.fitting.size() == 1 ? "it has" : "these have"),
              fmt::format("{}: {}", Count(survey.fitting.size(), "node"), Some(survey.fitting)));
}

void AddSurveyCommands(const Survey& survey, const Json& pod, Finding& finding) {
  for (const NodeGroup& group : survey.groups) {
    const std::string& cause = group.obstacle.cause;
    // What opens a node that the pod could not go to all the same is of no use.
    const bool opens = !group.freed.empty();
    if (cause == "Cordoned" && opens) {
      finding.Try(fmt::format("skiff uncordon {}", group.freed[0]));
    }
    if (cause == "Taint") {
      const std::string& text = group.obstacle.text;
      const std::string taint = text.substr(text.rfind(": ") + 2);
      // Those of Kubernetes say what is wrong with the node.
      if (taint.find("kubernetes.io/") != taint.npos) {
        finding.Try(fmt::format("skiff describe node {}", group.nodes[0]));
      } else if (opens) {
        finding.Try(fmt::format("skiff taint node {} {}-", group.freed[0], ShellWord(taint)));
      }
    }
    if (cause == "NodeAffinity") finding.Try("skiff get nodes --show-labels");
    if (cause == "VolumeAffinity") finding.Try("skiff describe persistentvolumes");
    if (cause == "Resources") {
      const std::string workload = WorkloadOf(pod);
      if (!workload.starts_with("pod/") && !workload.starts_with("job/")) {
        finding.Try(CommandFor(pod, fmt::format("set resources {} --requests={}=LESS",
                                                ShellWord(workload), group.best.begin()->first)));
      }
      finding.Try(fmt::format("skiff describe node {}", group.best.begin()->second.second));
    }
  }
}

}  // namespace skiff::cli::why
