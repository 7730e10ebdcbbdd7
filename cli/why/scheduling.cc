// Why no node was chosen for a pod: what has to be there before one can be, what the scheduler
// says, and node by node (survey.h) what it says it of.
#include "cli/why/scheduling.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/why/explain.h"
#include "cli/why/survey.h"

namespace skiff::cli::why {
namespace {

constexpr char kSelectedNode[] = "volume.kubernetes.io/selected-node";

// The claim that a volume names, or that is made for it; "" for none.
std::string ClaimOf(const Json& pod, const Json& volume) {
  if (At(volume, "ephemeral").is_object()) return NameOf(pod) + "-" + TextAt(volume, "name");
  return TextAt(volume, "persistentVolumeClaim", "claimName");
}

// Its claims that are there and not bound.
std::vector<const Json*> UnboundClaimsOf(const Facts& facts, const Json& pod) {
  std::vector<const Json*> claims;
  for (const Json& volume : At(pod, "spec", "volumes")) {
    const Json* claim =
        facts.Find("persistentvolumeclaims", NamespaceOf(pod), ClaimOf(pod, volume));
    if (claim && TextAt(*claim, "status", "phase") != "Bound") claims.push_back(claim);
  }
  return claims;
}

// Claims that have to be there, and bound, before any node can be chosen. True: one of them is the
// trouble.
bool ExplainClaims(const Facts& facts, const Json& pod, Findings& out) {
  if (!facts.Has("persistentvolumeclaims")) return false;
  for (const Json& volume : At(pod, "spec", "volumes")) {
    const std::string name = ClaimOf(pod, volume);
    if (name.empty()) continue;
    const Json* claim = facts.Find("persistentvolumeclaims", NamespaceOf(pod), name);
    if (claim && TextAt(*claim, "status", "phase") == "Bound") continue;
    Finding finding;
    if (!claim) {
      finding.cause = "ClaimMissing";
      finding.sentence =
          fmt::format("{} is pending: there is no claim {}, which its volume {} names", Named(pod),
                      name, TextAt(volume, "name"));
      finding.Saw("no such claim", "spec.volumes");
      finding.Try(CommandFor(pod, "get persistentvolumeclaims"));
      out.push_back(std::move(finding));
      return true;
    }
    const Json* storage_class =
        facts.Find("storageclasses", "", TextAt(*claim, "spec", "storageClassName"));
    // It is bound once a node is chosen, so that it is no obstacle by itself.
    if (storage_class && TextAt(*storage_class, "volumeBindingMode") == "WaitForFirstConsumer") {
      continue;
    }
    finding.cause = "ClaimNotBound";
    finding.sentence = fmt::format("{} is pending: its claim {} is not bound", Named(pod), name);
    finding.Saw(TextAt(*claim, "status", "phase"), Named(*claim) + " status.phase");
    out.push_back(std::move(finding));
    ExplainClaim(facts, *claim, out);
    return true;
  }
  return false;
}

// Whether the claim of a template was made for it, or found not to be needed: then no claim is
// named.
bool IsClaimSettled(const Json& pod, const std::string& name) {
  for (const Json& each : At(pod, "status", "resourceClaimStatuses")) {
    if (TextAt(each, "name") == name) return true;
  }
  return false;
}

// Claims of devices that have to exist before the scheduler looks at it, of which nothing tells
// but they. True: one of them is the trouble.
bool ExplainResourceClaims(const Facts& facts, const Json& pod, Findings& out) {
  for (const Json& each : At(pod, "spec", "resourceClaims")) {
    const std::string name = TextAt(each, "name");
    const std::string template_name = TextAt(each, "resourceClaimTemplateName");
    const bool of_template = !template_name.empty();
    const char* resource = of_template ? "resourceclaimtemplates" : "resourceclaims";
    const std::string source = of_template ? template_name : TextAt(each, "resourceClaimName");
    const bool lacks_source =
        facts.Has(resource) && facts.Find(resource, NamespaceOf(pod), source) == nullptr;
    if (of_template ? IsClaimSettled(pod, name) : !lacks_source) continue;
    Finding finding;
    finding.cause = "ResourceClaimMissing";
    if (!lacks_source) finding.weight = Weight::kWaits;
    finding.sentence =
        lacks_source
            ? fmt::format("{} is pending: there is no {} {}, which its resource claim {} names",
                          Named(pod), of_template ? "template" : "claim", source, name)
            : fmt::format("{} is pending: no claim has been made for it of the template {} yet",
                          Named(pod), source);
    finding.Saw(lacks_source ? fmt::format("no such {}", of_template ? "template" : "claim")
                             : "none of " + name,
                lacks_source ? "spec.resourceClaims" : "status.resourceClaimStatuses");
    if (const Json* event = facts.Event(pod, "FailedResourceClaimCreation")) {
      finding.Saw(OneLine(TextAt(*event, "message")), EventSource(facts, *event));
    }
    finding.Try(CommandFor(pod, fmt::format("get {}", resource)));
    out.push_back(std::move(finding));
    return true;
  }
  return false;
}

const Json* SchedulerEvent(const Facts& facts, const Json& pod) {
  return facts.Event(pod, "FailedScheduling");
}

// Others have to leave it, or something has to be made ready on it.
void SawItsNode(const Json& pod, Finding& finding) {
  const std::string node = TextAt(pod, "status", "nominatedNodeName");
  if (!node.empty()) finding.Saw("it is to go to node " + node, "status.nominatedNodeName");
}

// What the scheduler itself says, which knows more rules than are looked at here.
void AddSchedulersWords(const Facts& facts, const Json& pod, Finding& finding) {
  const Json& condition = Condition(pod, "PodScheduled");
  const Json* event = SchedulerEvent(facts, pod);
  if (TextAt(condition, "status") == "False") {
    finding.Saw(fmt::format("the scheduler says: {}", OneLine(TextAt(condition, "message"))),
                fmt::format("condition PodScheduled, for {}",
                            Age(facts, TextAt(condition, "lastTransitionTime"))));
  } else if (event) {
    finding.Saw(fmt::format("the scheduler says: {}", OneLine(TextAt(*event, "message"))),
                EventSource(facts, *event));
  }
  SawItsNode(pod, finding);
}

// Volumes are made for it, or devices put down as its own: then it is bound.
void ExplainChosen(const Facts& facts, const Json& pod, Findings& out) {
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "NotBoundYet";
  finding.sentence = fmt::format(
      "{} is pending: its node is chosen, and what it needs there is not ready yet", Named(pod));
  SawItsNode(pod, finding);
  Findings of_claims;
  for (const Json* claim : UnboundClaimsOf(facts, pod)) {
    finding.Saw(TextAt(*claim, "status", "phase"), Named(*claim) + " status.phase");
    // Before it is asked for on that node, a claim would be said to wait for the pod.
    const Json& asked = At(*claim, "metadata", "annotations", kSelectedNode);
    if (!asked.is_null()) ExplainClaim(facts, *claim, of_claims);
  }
  for (const Finding& each : of_claims) finding.weight = std::max(finding.weight, each.weight);
  out.push_back(std::move(finding));
  std::move(of_claims.begin(), of_claims.end(), std::back_inserter(out));
}

// Nobody has said anything: the scheduler it asks for does not run, or has not come to it yet.
void ExplainSilence(const Facts& facts, const Json& pod, Findings& out) {
  const std::string scheduler = TextAt(pod, "spec", "schedulerName");
  const bool own = !scheduler.empty() && scheduler != "default-scheduler";
  const auto created = Time::Parse(TextAt(pod, "metadata", "creationTimestamp"));
  constexpr Duration kHaste = 5s;
  const bool fresh = created && facts.now - created->point() < kHaste;
  Finding finding;
  finding.weight = fresh ? Weight::kWaits : Weight::kWrong;
  finding.cause = "NoScheduler";
  finding.sentence =
      fmt::format("{} is pending, and {} has not looked at it{}", Named(pod),
                  own ? "the scheduler " + scheduler + " that it asks for" : "the scheduler",
                  fresh ? " yet" : ": does it run?");
  finding.Saw(fmt::format("no condition PodScheduled, made {} ago",
                          Age(facts, TextAt(pod, "metadata", "creationTimestamp"))),
              "status.conditions");
  if (!own) finding.Try("skiff get --raw /healthz");
  out.push_back(std::move(finding));
}

void ExplainGated(const Json& pod, Findings& out) {
  std::vector<std::string> names;
  for (const Json& gate : At(pod, "spec", "schedulingGates")) names.push_back(TextAt(gate, "name"));
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "SchedulingGated";
  finding.sentence =
      fmt::format("{} is held back until somebody takes its {} {} away", Named(pod),
                  names.size() == 1 ? "scheduling gate" : "scheduling gates", Some(names));
  finding.Saw(Join(names, ", "), "spec.schedulingGates");
  finding.Try(
      CommandFor(pod, fmt::format("patch pod {} -p '{{\"spec\":{{\"schedulingGates\":null}}}}'",
                                  ShellWord(NameOf(pod)))));
  out.push_back(std::move(finding));
}

// Rules that are about the pods of nodes, by the scheduler's words: no node alone is to blame.
struct PodRule {
  const char* words;
  const char* text;
};
constexpr char kNoVolumes[] = "didn't find available persistent volumes to bind";
constexpr char kBindingVolumes[] = "binding volumes: ";  // Of PreBind, which has given up.
constexpr char kOneTooMany[] =
    "on each node that it could go to it would be one too many (topologySpreadConstraints)";
constexpr char kOnePodAlone[] = "ReadWriteOncePod";
constexpr char kNoneBeside[] = "didn't match pod affinity rules";
constexpr char kSomeBeside[] = "didn't match pod anti-affinity rules";
constexpr PodRule kPodRules[] = {
    {kNoneBeside,
     "it is to be beside other pods (podAffinity), and no node that it could go to has them"},
    {kSomeBeside,
     "each node that it could go to has a pod that it is not to be beside (podAntiAffinity)"},
    {"didn't satisfy existing pods anti-affinity rules",
     "each node that it could go to has a pod that wants no such pod beside it (podAntiAffinity)"},
    {"topology spread constraints,", kOneTooMany},
    {"topology spread constraints.", kOneTooMany},
    {"topology spread constraints (missing required label)",
     "no node that it could go to has the label that it is to be spread by "
     "(topologySpreadConstraints)"},
    {"topology spread constraints", kOneTooMany},
    {kNoVolumes, "its claims find no volume on the nodes that it could go to"},
    {kBindingVolumes, "a node was chosen, and its volumes were not made ready there in time"},
    {"did not have enough free storage",
     "no node that it could go to has the storage for its claims"},
    {"exceed max volume count",
     "each node that it could go to has as many volumes of its kind as it takes"},
    {"no available volume zone", "its volumes are in other zones than the nodes it could go to"},
    {kOnePodAlone, "its claim is for one pod at a time (ReadWriteOncePod), and another has it"},
    {"cannot allocate all claims",
     "no node that it could go to has the devices that its resource claims ask for"},
};

std::string SchedulersWords(const Facts& facts, const Json& pod) {
  const std::string words = TextAt(Condition(pod, "PodScheduled"), "message");
  const Json* event = SchedulerEvent(facts, pod);
  return words.empty() && event ? TextAt(*event, "message") : words;
}

// "3 of them", of "0/3 nodes are available: 3 of them. preemption: ..."; "" of other words.
std::string ReasonsIn(const std::string& words) {
  constexpr std::string_view kBefore = " nodes are available: ";
  const size_t at = words.find(kBefore);
  if (at == words.npos) return "";
  const size_t begin = at + kBefore.size();
  return OneLine(words.substr(begin, words.find(". ", begin) - begin));
}

const PodRule* RuleOf(const Facts& facts, const Json& pod) {
  const std::string words = SchedulersWords(facts, pod);
  for (const PodRule& rule : kPodRules) {
    if (words.find(rule.words) != std::string::npos) return &rule;
  }
  return nullptr;
}

std::string PendingText(const Facts& facts, const Json& pod, const Survey& survey,
                        const PodRule* rule) {
  if (facts.Has("nodes") && survey.nodes == 0) return "the cluster has no nodes";
  if (survey.nodes > 0 && survey.fitting.empty()) return SurveyText(survey);
  if (rule) return rule->text;
  const std::string reasons = ReasonsIn(SchedulersWords(facts, pod));
  return "the scheduler finds no node for it" + (reasons.empty() ? "" : ": " + reasons);
}

// Who has a claim that one pod alone may have.
void SawHolders(const Facts& facts, const Json& pod, Finding& finding) {
  for (const Json& volume : At(pod, "spec", "volumes")) {
    const Json* claim =
        facts.Find("persistentvolumeclaims", NamespaceOf(pod), ClaimOf(pod, volume));
    if (!claim) continue;
    auto users = UsersOf(facts, *claim);
    std::erase(users, NameOf(pod));
    if (!users.empty()) finding.Saw("used by " + Some(users), Named(*claim));
  }
}

// What of the pod the rule goes by.
void AddRule(const Facts& facts, const Json& pod, const PodRule& rule, Finding& finding) {
  const std::string_view words = rule.words;
  if (words.starts_with("topology")) {
    for (const Json& each : At(pod, "spec", "topologySpreadConstraints")) {
      if (TextAt(each, "whenUnsatisfiable") == "ScheduleAnyway") continue;
      finding.Saw(fmt::format("by {}, with a skew of {} at most", TextAt(each, "topologyKey"),
                              IntOf(At(each, "maxSkew"), 1)),
                  "spec.topologySpreadConstraints");
    }
  }
  if (words == kOnePodAlone) SawHolders(facts, pod, finding);
  if (words == kNoneBeside) {
    SawTerms(pod, "podAffinity", "beside", finding);
    const std::string labels = LabelsOfNobody(facts, pod);
    if (!labels.empty()) finding.Saw("no other pod of its namespace has " + labels, "pods");
  }
  if (words == kSomeBeside) SawTerms(pod, "podAntiAffinity", "not beside", finding);
  if (words == kBindingVolumes) {
    finding.Try(CommandFor(pod, "get persistentvolumeclaims"));
    return;
  }
  if (words == kNoVolumes) {
    for (const Json* claim : UnboundClaimsOf(facts, pod)) {
      const auto names = VolumesThatFit(facts, *claim);
      if (names.empty()) continue;
      finding.Saw(fmt::format("{} would suit it, and {} for other nodes", Some(names),
                              names.size() == 1 ? "is" : "are"),
                  Named(*claim));
    }
    finding.Try("skiff describe persistentvolumes");
    return;
  }
  finding.Try(words.starts_with("cannot allocate")
                  ? CommandFor(pod, "get resourceclaims")
                  : CommandFor(pod, "get pods --show-labels -o wide"));
}

}  // namespace

void ExplainScheduling(const Facts& facts, const Json& pod, Findings& out) {
  if (!At(pod, "spec", "schedulingGates").empty()) return ExplainGated(pod, out);
  if (ExplainClaims(facts, pod, out) || ExplainResourceClaims(facts, pod, out)) return;
  const bool judged = TextAt(Condition(pod, "PodScheduled"), "status") == "False" ||
                      SchedulerEvent(facts, pod) != nullptr;
  const Survey survey = SurveyOf(facts, pod);
  const bool is_chosen = !TextAt(pod, "status", "nominatedNodeName").empty();
  if (!judged && is_chosen) return ExplainChosen(facts, pod, out);
  if (!judged && (survey.nodes == 0 || !survey.fitting.empty())) {
    return ExplainSilence(facts, pod, out);
  }
  Finding finding;
  finding.cause = "Unschedulable";
  const PodRule* rule = RuleOf(facts, pod);
  finding.sentence =
      fmt::format("{} is pending: {}", Named(pod), PendingText(facts, pod, survey, rule));
  AddSurvey(facts, pod, survey, finding);
  AddSchedulersWords(facts, pod, finding);
  const bool by_rule = rule && !survey.fitting.empty();
  if (by_rule) AddRule(facts, pod, *rule, finding);
  AddSurveyCommands(survey, pod, finding);
  out.push_back(std::move(finding));
  const std::string_view words = by_rule ? rule->words : "";
  for (const Json* claim : UnboundClaimsOf(facts, pod)) {
    if (words == kNoVolumes) ExplainLackOfVolumes(facts, *claim, out);
    const Json& asked = At(*claim, "metadata", "annotations", kSelectedNode);
    if (words == kBindingVolumes && !asked.is_null()) ExplainClaim(facts, *claim, out);
  }
}

}  // namespace skiff::cli::why
