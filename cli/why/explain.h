// What is the matter with an object, by the facts: pure, and one room a kind.
//
// Each of these adds what it found. Nothing found is nothing wrong: Explain says so then.
#pragma once

#include <compare>
#include <optional>
#include <set>

#include "cli/why/facts.h"
#include "cli/why/finding.h"

namespace skiff::cli::why {

// The object's kind, where it is one of Kubernetes' own; else "": others may have kinds of the same
// names.
std::string OwnKind(const Json& object);
// The object of the facts, of any kind.
Explanation Explain(const Facts& facts);

// One word for what keeps a pod from being ready, by its status alone: "Unschedulable",
// "ImagePullBackOff", "NotReady"; "" when nothing does. Pods of one word suffer alike.
std::string SymptomOf(const Json& pod);
void ExplainPod(const Facts& facts, const Json& pod, Findings& out);
// One that no node was chosen for.
void ExplainScheduling(const Facts& facts, const Json& pod, Findings& out);
void ExplainContainers(const Facts& facts, const Json& pod, Findings& out);

// A container whose log tells why it ended, or what it waits for.
struct LogWanted {
  std::string container;
  bool previous = false;  // Of the instance before.
};
std::vector<LogWanted> LogsWanted(const Json& pod);

// A ConfigMap or Secret that the kubelet did not find when it looked.
struct MissedSource {
  std::string kind;  // "configmap", "secret"
  std::string name;
  auto operator<=>(const MissedSource&) const = default;
};
// Of its words, "... secret "x" not found"; nullopt where they are of something else.
std::optional<MissedSource> MissedSourceIn(const std::string& words);
// Those that the pod's containers wait for, or its events tell of.
std::set<MissedSource> SourcesMissed(const Facts& facts, const Json& pod);

// Which network policies keep others from the pod, or it from others.
void ExplainPodPolicies(const Facts& facts, const Json& pod, Findings& out);
// The same of what the service leads to: those of its pods that are ready.
void ExplainServicePolicies(const Facts& facts, const Json& service,
                            const std::vector<const Json*>& ready, Findings& out);

void ExplainService(const Facts& facts, const Json& service, Findings& out);
// What keeps the service from answering, in half a sentence; "" when something answers.
std::string ServiceTrouble(const Facts& facts, const Json& service);
// The same of one of its ports, which others need not care about.
std::string TroubleAtPort(const Facts& facts, Json service, const Json& port);
void ExplainClaim(const Facts& facts, const Json& claim, Findings& out);
// The pods whose volumes name the claim, or that it is made for.
std::vector<std::string> UsersOf(const Facts& facts, const Json& claim);
// The volumes of its class that it could be bound to.
std::vector<std::string> VolumesThatFit(const Facts& facts, const Json& claim);
// Of a claim that nobody makes a volume for: which there are, where none fits. False: one does, or
// somebody is to make one.
bool ExplainLackOfVolumes(const Facts& facts, const Json& claim, Findings& out);
void ExplainIngress(const Facts& facts, const Json& ingress, Findings& out);
// What an Event of its controller says of an Ingress, as far as the Ingress's status bears it out:
// "not served", "not served on every port"; "" when that is over, or it says something else.
std::string SymptomOfIngress(const Json& ingress, const Json& event);
// What makes pods by a template, directly or through others.
void ExplainWorkload(const Facts& facts, const Json& workload, Findings& out);
// Why a pod was refused, of the words of the server: by whom, or because of what there is not. One
// of the two is "".
struct RefusalCause {
  std::string by;       // "resource quota small", "admission webhook a.example.com"
  std::string because;  // "there is no service account web"
};
RefusalCause RefusalCauseOf(const std::string& message);
void ExplainNamespace(const Facts& facts, const Json& object, Findings& out);
void ExplainQuota(const Facts& facts, const Json& quota, Findings& out);
void ExplainNodeItself(const Facts& facts, const Json& node, Findings& out);
void ExplainAutoscaler(const Facts& facts, const Json& autoscaler, Findings& out);
void ExplainDisruptionBudget(const Facts& facts, const Json& budget, Findings& out);
void ExplainSigningRequest(const Facts& facts, const Json& request, Findings& out);
// Of custom resources.
void ExplainDefinition(const Facts& facts, const Json& definition, Findings& out);
// Of a configuration of either kind.
void ExplainWebhooks(const Facts& facts, const Json& configuration, Findings& out);
// Those that its services are in.
std::set<std::string> NamespacesOfWebhooks(const Json& configuration);
// Of either kind.
void ExplainRoleBinding(const Facts& facts, const Json& binding, Findings& out);
// Of a binding's subjects no more are looked for.
inline constexpr size_t kSubjectsReadMax = 32;
void ExplainServiceAccount(const Facts& facts, const Json& account, Findings& out);
// One of a cluster, which claims are bound to.
void ExplainVolume(const Facts& facts, const Json& volume, Findings& out);
// Of a kind that nothing more is known of.
void ExplainOther(const Facts& facts, const Json& object, Findings& out);
// What was deleted and is still there; nothing of what was not.
void ExplainLeaving(const Facts& facts, const Json& object, Findings& out);

// Of many pods one of each symptom, the commonest first: those that are looked at closely.
struct Symptom {
  std::string word;
  std::vector<const Json*> pods;
};
std::vector<Symptom> SymptomsOf(const std::vector<Json>& pods);
inline constexpr size_t kSymptomsMax = 3;

}  // namespace skiff::cli::why
