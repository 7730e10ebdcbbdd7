// Why a namespace does not go away, and what refuses new objects in it.
#include <fmt/format.h>

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

// What is used up: nothing is wrong by it until somebody wants more.
void NoteQuotas(const Facts& facts, const Json& object, Findings& out) {
  for (const Json& quota : facts.Of("resourcequotas")) {
    const Json& hard = At(quota, "status", "hard");
    if (!hard.is_object()) continue;
    Finding finding;
    finding.weight = Weight::kNote;
    finding.cause = "QuotaUsedUp";
    for (const auto& [resource, limit] : hard.items()) {
      const Json& used = At(quota, "status", "used", resource.c_str());
      const auto most = Quantity::Parse(PlainText(limit));
      const auto now = Quantity::Parse(PlainText(used));
      if (!most || !now || *now < *most) continue;
      finding.Saw(fmt::format("{}: {} of {}", resource, PlainText(used), PlainText(limit)),
                  fmt::format("resourcequota/{} status", NameOf(quota)));
    }
    if (finding.evidence.empty()) continue;
    finding.sentence =
        fmt::format("{}: its quota {} is used up, and refuses more", Named(object), NameOf(quota));
    finding.Try(fmt::format("skiff describe resourcequota {} -n {}", ShellWord(NameOf(quota)),
                            ShellWord(NameOf(object))));
    out.push_back(std::move(finding));
  }
}

}  // namespace

void ExplainNamespace(const Facts& facts, const Json& object, Findings& out) {
  if (!TextAt(object, "metadata", "deletionTimestamp").empty()) {
    return ExplainLeavingNamespace(facts, object, out);
  }
  NoteQuotas(facts, object, out);
  Finding finding;
  finding.weight = Weight::kFine;
  finding.cause = "Fine";
  finding.sentence = fmt::format("{} is active; nothing is wrong", Named(object));
  finding.Saw(TextAt(object, "status", "phase"), "status.phase");
  out.insert(out.begin(), std::move(finding));
}

}  // namespace skiff::cli::why
