// Why a namespace does not go away, and what refuses new objects in it.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/codec/typed.h"
#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

struct DeletionTrouble {
  const char* condition;
  const char* clause;
};

// What the namespace's deletion says of itself; the first that holds is the reason for the others.
constexpr DeletionTrouble kDeletionTroubles[] = {
    {"NamespaceDeletionDiscoveryFailure",
     "what an API group holds in it is not known, as its server does not answer"},
    {"NamespaceDeletionGroupVersionParsingFailure", "an API group has a version nobody can read"},
    {"NamespaceDeletionContentFailure", "something in it cannot be deleted"},
    {"NamespaceFinalizersRemaining", "finalizers hold objects in it"},
    {"NamespaceContentRemaining", "objects in it are still there"},
};

// "configmaps,pods", of "Some resources are remaining: configmaps. has 1 resource instances, pods.
// has 2 resource instances"; with their groups, where they have some.
std::string RemainingKinds(const std::string& message) {
  std::vector<std::string> kinds;
  constexpr std::string_view kBefore = "remaining: ";
  const size_t at = message.find(kBefore);
  if (at == message.npos) return "";
  for (const std::string& each : Split(message.substr(at + kBefore.size()), ',')) {
    const size_t begin = each.find_first_not_of(' ');
    if (begin == each.npos) continue;
    std::string kind = each.substr(begin, each.find(' ', begin) - begin);
    if (kind.ends_with('.')) kind.pop_back();
    if (!kind.empty()) kinds.push_back(std::move(kind));
  }
  return Join(kinds, ",");
}

void ExplainLeavingNamespace(const Facts& facts, const Json& object, Findings& out) {
  const std::string name = NameOf(object);
  Finding finding;
  finding.cause = "Terminating";
  finding.weight = Weight::kWaits;
  finding.sentence = fmt::format("{} is being deleted", Named(object));
  for (const DeletionTrouble& each : kDeletionTroubles) {
    const Json& condition = Condition(object, each.condition);
    if (TextAt(condition, "status") != "True") continue;
    if (finding.weight == Weight::kWaits) {
      const bool on_its_way = std::string_view(each.condition) == "NamespaceContentRemaining";
      finding.sentence += fmt::format(", and stays: {}", each.clause);
      if (!on_its_way) finding.weight = Weight::kWrong;
      finding.cause = each.condition;
      if (on_its_way) finding.cause = "Terminating";
    }
    finding.Saw(OneLine(TextAt(condition, "message")), fmt::format("condition {}", each.condition));
  }
  finding.Saw(fmt::format("for {}", Age(facts, TextAt(object, "metadata", "deletionTimestamp"))),
              "metadata.deletionTimestamp");
  const auto finalizers = TextsAt(At(object, "spec"), "finalizers");
  const std::vector<std::string> own = {"kubernetes"};
  if (!finalizers.empty() && finalizers != own) finding.Saw(Some(finalizers), "spec.finalizers");
  if (finding.cause == "NamespaceDeletionDiscoveryFailure") finding.Try("skiff get apiservices");
  const std::string kinds =
      RemainingKinds(TextAt(Condition(object, "NamespaceContentRemaining"), "message"));
  if (!kinds.empty()) {
    finding.Try(
        fmt::format("skiff get {} -n {} -o custom-columns=KIND:.kind,NAME:.metadata.name,"
                    "FINALIZERS:.metadata.finalizers",
                    ShellWord(kinds), ShellWord(name)));
  }
  out.push_back(std::move(finding));
}

// What is used up: nothing is wrong by it until somebody wants more. Without evidence: nothing is.
Finding UsedUp(const Json& quota) {
  Finding finding;
  finding.weight = Weight::kNote;
  finding.cause = "QuotaUsedUp";
  const Json& hard = At(quota, "status", "hard");
  if (!hard.is_object()) return finding;
  for (const auto& [resource, limit] : hard.items()) {
    const Json& used = At(quota, "status", "used", resource.c_str());
    const auto most = Quantity::Parse(PlainText(limit));
    const auto now = Quantity::Parse(PlainText(used));
    if (!most || !now || *now < *most) continue;
    finding.Saw(fmt::format("{}: {} of {}", resource, PlainText(used), PlainText(limit)),
                fmt::format("resourcequota/{} status", NameOf(quota)));
  }
  return finding;
}

void NoteQuotas(const Facts& facts, const Json& object, Findings& out) {
  for (const Json& quota : facts.Of("resourcequotas")) {
    Finding finding = UsedUp(quota);
    if (finding.evidence.empty()) continue;
    finding.sentence =
        fmt::format("{}: its quota {} is used up, and refuses more", Named(object), NameOf(quota));
    finding.Try(fmt::format("skiff describe resourcequota {} -n {}", ShellWord(NameOf(quota)),
                            ShellWord(NameOf(object))));
    out.push_back(std::move(finding));
  }
}

// Whether it still wants pods that it does not have.
bool LacksPods(const Json& maker) {
  const std::string kind = TextAt(maker, "kind");
  const Json& spec = At(maker, "spec");
  const Json& status = At(maker, "status");
  const auto holds = [&maker](const char* type) {
    return TextAt(Condition(maker, type), "status") == "True";
  };
  if (kind == "ReplicaSet" || kind == "ReplicationController") return holds("ReplicaFailure");
  if (kind == "DaemonSet") {
    return IntAt(status, "currentNumberScheduled") < IntAt(status, "desiredNumberScheduled");
  }
  if (kind == "StatefulSet") return IntAt(status, "replicas") < IntOf(At(spec, "replicas"), 1);
  return !holds("Complete") && !holds("Failed") && !IsTrue(At(spec, "suspend")) &&
         IntAt(status, "active") < IntOf(At(spec, "parallelism"), 1);
}

// Why its newest pod could not be made; nullptr: it was made, or is not wanted any more.
const Json* RefusalOf(const Facts& facts, const Json& maker) {
  if (!LacksPods(maker)) return nullptr;
  for (const Json* event : facts.EventsOf(maker)) {
    const std::string reason = TextAt(*event, "reason");
    if (reason == "FailedCreate") return event;
    if (reason == "SuccessfulCreate") return nullptr;
  }
  return nullptr;
}

// "deployment/web", of its ReplicaSet; of others themselves.
std::string MadeFor(const Json& maker) {
  const Json& owner = Controller(maker);
  if (owner.is_null()) return Named(maker);
  return Lower(TextAt(owner, "kind")) + "/" + TextAt(owner, "name");
}

// "what refuses pods of deployment/web is resource quota small"
std::string RefusalText(const RefusalCause& cause, const std::vector<std::string>& workloads) {
  if (cause.by.empty()) {
    return fmt::format("pods of {} are refused: {}", Some(workloads), cause.because);
  }
  return fmt::format("what refuses pods of {} is {}", Some(workloads), cause.by);
}

// Who is refused pods in it, by what refuses them.
void ExplainRefusals(const Facts& facts, const Json& object, Findings& out) {
  struct Refusal {
    const Json* event = nullptr;  // One of them.
    RefusalCause cause;
    std::vector<std::string> workloads;
  };
  std::map<std::string, Refusal> refusals;
  for (const char* resource :
       {"replicasets", "replicationcontrollers", "statefulsets", "daemonsets", "jobs"}) {
    for (const Json& maker : facts.Of(resource)) {
      const Json* event = RefusalOf(facts, maker);
      if (!event) continue;
      RefusalCause cause = RefusalCauseOf(TextAt(*event, "message"));
      Refusal& refusal = refusals[cause.by + cause.because];
      if (!refusal.event) refusal = {event, std::move(cause), {}};
      const std::string name = MadeFor(maker);
      const auto& known = refusal.workloads;
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        refusal.workloads.push_back(name);
      }
    }
  }
  for (const auto& [words, refusal] : refusals) {
    Finding finding;
    finding.cause = "Refused";
    finding.sentence =
        fmt::format("{}: {}", Named(object), RefusalText(refusal.cause, refusal.workloads));
    finding.Saw(OneLine(TextAt(*refusal.event, "message")), EventSource(facts, *refusal.event));
    finding.Try(fmt::format("skiff why {} -n {}", ShellWord(refusal.workloads.front()),
                            ShellWord(NameOf(object))));
    out.push_back(std::move(finding));
  }
}

}  // namespace

void ExplainNamespace(const Facts& facts, const Json& object, Findings& out) {
  if (!TextAt(object, "metadata", "deletionTimestamp").empty()) {
    return ExplainLeavingNamespace(facts, object, out);
  }
  ExplainRefusals(facts, object, out);
  NoteQuotas(facts, object, out);
  if (AnyTrouble(out)) return;
  Finding finding;
  finding.weight = Weight::kFine;
  finding.cause = "Fine";
  finding.sentence = fmt::format("{} is active; nothing is wrong", Named(object));
  finding.Saw(TextAt(object, "status", "phase"), "status.phase");
  out.insert(out.begin(), std::move(finding));
}

void ExplainQuota(const Facts&, const Json& quota, Findings& out) {
  Finding finding = UsedUp(quota);
  if (finding.evidence.empty()) {
    const Json& counted = At(quota, "status", "used");
    const bool is_counted = counted.is_object();
    finding.weight = is_counted ? Weight::kFine : Weight::kWaits;
    finding.cause = is_counted ? "Fine" : "NotObserved";
    finding.sentence =
        is_counted ? fmt::format("{} has something left of all that it counts; nothing is wrong",
                                 Named(quota))
                   : fmt::format("{} has not been looked at by any controller", Named(quota));
  } else {
    finding.sentence = fmt::format("{} is used up, and refuses more", Named(quota));
  }
  finding.Try(
      CommandFor(quota, fmt::format("describe resourcequota {}", ShellWord(NameOf(quota)))));
  out.push_back(std::move(finding));
}

}  // namespace skiff::cli::why
