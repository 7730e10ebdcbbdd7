#include "cli/why/explain.h"

#include <fmt/format.h>

namespace skiff::cli::why {
namespace {

using Explainer = void (*)(const Facts& facts, const Json& object, Findings& out);

struct Explained {
  std::string_view kind;
  Explainer explain;
};

constexpr Explained kExplained[] = {
    {"Pod", &ExplainPod},
    {"Service", &ExplainService},
    {"PersistentVolumeClaim", &ExplainClaim},
    {"Ingress", &ExplainIngress},
    {"Deployment", &ExplainWorkload},
    {"ReplicaSet", &ExplainWorkload},
    {"ReplicationController", &ExplainWorkload},
    {"StatefulSet", &ExplainWorkload},
    {"DaemonSet", &ExplainWorkload},
    {"Job", &ExplainWorkload},
    {"CronJob", &ExplainWorkload},
    {"Namespace", &ExplainNamespace},
    {"ResourceQuota", &ExplainQuota},
    {"Node", &ExplainNodeItself},
    {"HorizontalPodAutoscaler", &ExplainAutoscaler},
    {"PodDisruptionBudget", &ExplainDisruptionBudget},
    {"CertificateSigningRequest", &ExplainSigningRequest},
    {"CustomResourceDefinition", &ExplainDefinition},
    {"ValidatingWebhookConfiguration", &ExplainWebhooks},
    {"MutatingWebhookConfiguration", &ExplainWebhooks},
    {"RoleBinding", &ExplainRoleBinding},
    {"ClusterRoleBinding", &ExplainRoleBinding},
    {"ServiceAccount", &ExplainServiceAccount},
    {"PersistentVolume", &ExplainVolume},
};

Explainer ExplainerOf(std::string_view kind) {
  for (const Explained& each : kExplained) {
    if (each.kind == kind) return each.explain;
  }
  return &ExplainOther;
}

// These know more of their going than that finalizers hold them.
bool ExplainsItsGoing(std::string_view kind) {
  return kind == "Pod" || kind == "PersistentVolumeClaim" || kind == "Namespace";
}

}  // namespace

std::string OwnKind(const Json& object) {
  const std::string version = TextAt(object, "apiVersion");
  const size_t slash = version.find('/');
  const std::string group = slash == version.npos ? "" : version.substr(0, slash);
  const bool own = group.find('.') == group.npos || group.ends_with(".k8s.io");
  return own ? TextAt(object, "kind") : "";
}

Explanation Explain(const Facts& facts) {
  Explanation explanation{Named(facts.object), NamespaceOf(facts.object), {}, {}};
  const std::string kind = OwnKind(facts.object);
  if (!ExplainsItsGoing(kind)) ExplainLeaving(facts, facts.object, explanation.findings);
  ExplainerOf(kind)(facts, facts.object, explanation.findings);
  std::stable_sort(explanation.findings.begin(), explanation.findings.end(),
                   [](const Finding& a, const Finding& b) { return a.weight > b.weight; });
  // With trouble about, that all else is well is no news.
  if (!explanation.healthy()) {
    std::erase_if(explanation.findings,
                  [](const Finding& each) { return each.weight == Weight::kFine; });
  }
  // Nor is it true of what something is to be said of.
  if (std::any_of(explanation.findings.begin(), explanation.findings.end(),
                  [](const Finding& each) { return each.weight == Weight::kNote; })) {
    constexpr std::string_view kNothing = "; nothing is wrong";
    for (Finding& each : explanation.findings) {
      if (each.weight != Weight::kFine || !each.sentence.ends_with(kNothing)) continue;
      each.sentence.resize(each.sentence.size() - kNothing.size());
    }
  }
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const auto& [resource, why] : facts.unread) by_reason[why].push_back(resource);
  for (const auto& [why, resources] : by_reason) {
    explanation.unread.push_back(fmt::format("{} ({})", Join(resources, ", "), why));
  }
  return explanation;
}

}  // namespace skiff::cli::why
