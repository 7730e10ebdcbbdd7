// Why a node takes no pods: it is gone, unwell, or somebody wants it so.
#include <fmt/format.h>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

void AddPods(const Facts& facts, const Json& node, Finding& finding) {
  if (!facts.Has("pods")) return;
  std::vector<std::string> names;
  for (const Json& pod : facts.Of("pods")) {
    if (TextAt(pod, "spec", "nodeName") == NameOf(node)) {
      names.push_back(NamespaceOf(pod) + "/" + NameOf(pod));
    }
  }
  finding.Saw(names.empty() ? "no pods are on it" : "on it: " + Some(names), "pods");
}

void ExplainUnreadyNode(const Facts& facts, const Json& node, const Json& ready, Findings& out) {
  const std::string status = TextAt(ready, "status");
  const std::string since = Age(facts, TextAt(ready, "lastTransitionTime"));
  Finding finding;
  finding.cause = status == "Unknown" ? "NodeGone" : "NodeNotReady";
  finding.sentence = ready.is_null() ? fmt::format("{} has not said yet how it is", Named(node))
                     : status == "Unknown"
                         ? fmt::format("{} is gone: nothing has been heard of its kubelet for {}",
                                       Named(node), Age(facts, TextAt(ready, "lastHeartbeatTime")))
                         : fmt::format("{} is not ready, and says so itself: {}", Named(node),
                                       OneLine(TextAt(ready, "message")));
  if (ready.is_null()) finding.weight = Weight::kWaits;
  if (!ready.is_null()) {
    finding.Saw(
        fmt::format("Ready is {} for {}: {}", status, since, OneLine(TextAt(ready, "message"))),
        "status.conditions");
  }
  if (const Json* lease = facts.Find("leases", "kube-node-lease", NameOf(node))) {
    finding.Saw(fmt::format("renewed {} ago", Age(facts, TextAt(*lease, "spec", "renewTime"))),
                "lease in kube-node-lease");
  }
  AddPods(facts, node, finding);
  finding.Try(fmt::format("skiff describe node {}", ShellWord(NameOf(node))));
  if (status == "Unknown") {
    finding.Try(fmt::format("skiff delete node {}", ShellWord(NameOf(node))));
  }
  out.push_back(std::move(finding));
}

void ExplainPressure(const Facts& facts, const Json& node, Findings& out) {
  for (const char* type : {"MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"}) {
    const Json& condition = Condition(node, type);
    if (TextAt(condition, "status") != "True") continue;
    Finding finding;
    finding.cause = type;
    finding.sentence = fmt::format("{} takes no more pods that can go elsewhere: {}", Named(node),
                                   OneLine(TextAt(condition, "message")));
    finding.Saw(fmt::format("for {}", Age(facts, TextAt(condition, "lastTransitionTime"))),
                fmt::format("condition {}", type));
    finding.Try(fmt::format("skiff describe node {}", ShellWord(NameOf(node))));
    out.push_back(std::move(finding));
  }
}

void ExplainCordon(const Facts& facts, const Json& node, Findings& out) {
  if (!IsTrue(At(node, "spec", "unschedulable"))) return;
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "Cordoned";
  finding.sentence = fmt::format("{} is cordoned: it takes no new pods", Named(node));
  finding.Saw("true", "spec.unschedulable");
  AddPods(facts, node, finding);
  finding.Try(fmt::format("skiff uncordon {}", ShellWord(NameOf(node))));
  out.push_back(std::move(finding));
}

// Those that somebody has set; those of conditions say what is said already.
void NoteTaints(const Json& node, Findings& out) {
  for (const Json& taint : At(node, "spec", "taints")) {
    const std::string key = TextAt(taint, "key");
    if (key.starts_with("node.kubernetes.io/")) continue;
    const std::string value = TextAt(taint, "value");
    const std::string text =
        fmt::format("{}{}:{}", key, value.empty() ? "" : "=" + value, TextAt(taint, "effect"));
    Finding finding;
    finding.weight = Weight::kNote;
    finding.cause = "Tainted";
    finding.sentence =
        fmt::format("{} takes only pods that tolerate its taint {}", Named(node), text);
    if (TextAt(taint, "effect") == "PreferNoSchedule") {
      finding.sentence =
          fmt::format("{} is avoided by pods that do not tolerate its taint {}", Named(node), text);
    }
    finding.Saw(text, "spec.taints");
    finding.Try(fmt::format("skiff taint node {} {}-", ShellWord(NameOf(node)), ShellWord(text)));
    out.push_back(std::move(finding));
  }
}

}  // namespace

void ExplainNodeItself(const Facts& facts, const Json& node, Findings& out) {
  Findings own;
  const Json& ready = Condition(node, "Ready");
  if (TextAt(ready, "status") != "True") {
    ExplainUnreadyNode(facts, node, ready, own);
  } else {
    ExplainPressure(facts, node, own);
  }
  ExplainCordon(facts, node, own);
  NoteTaints(node, own);
  if (!AnyTrouble(own)) {
    Finding finding;
    finding.weight = Weight::kFine;
    finding.cause = "Fine";
    finding.sentence = fmt::format("{} is ready; nothing is wrong", Named(node));
    finding.Saw(fmt::format("for {}", Age(facts, TextAt(ready, "lastTransitionTime"))),
                "condition Ready");
    AddPods(facts, node, finding);
    own.insert(own.begin(), std::move(finding));
  }
  out.insert(out.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

}  // namespace skiff::cli::why
