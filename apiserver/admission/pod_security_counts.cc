#include "apiserver/admission/pod_security_counts.h"

#include <string>

#include "apiserver/admission/pod_security_version.h"

namespace skiff {
namespace {

std::string_view OperationLabel(const AdmissionRequest& request) {
  return request.operation == Operation::kCreate ? "create" : "update";
}

std::string_view ResourceLabel(const AdmissionRequest& request) {
  if (request.kind.resource == "pods") return "pod";
  return request.kind.resource == "namespaces" ? "namespace" : "controller";
}

}  // namespace

PodSecurityCounts::PodSecurityCounts(MetricRegistry* metrics) {
  if (metrics == nullptr) return;
  evaluations_ = &metrics->AddCounter(
      {"pod_security_evaluations_total",
       "[ALPHA] Pods, and templates of pods, that were held against a Pod Security standard.",
       {"decision", "policy_level", "policy_version", "mode", "request_operation", "resource",
        "subresource"}});
  exemptions_ = &metrics->AddCounter({"pod_security_exemptions_total",
                                      "[ALPHA] Requests that Pod Security let pass as they are "
                                      "exempt.",
                                      {"request_operation", "resource", "subresource"}});
  errors_ = &metrics->AddCounter({"pod_security_errors_total",
                                  "[ALPHA] Requests in a namespace whose Pod Security labels "
                                  "cannot be read.",
                                  {"fatal", "request_operation", "resource", "subresource"}});
}

void PodSecurityCounts::Evaluated(const AdmissionRequest& request, std::string_view mode,
                                  const SecurityPolicy& policy, bool allowed) const {
  if (evaluations_ == nullptr) return;
  const std::string text = policy.Text();
  const size_t colon = text.find(':');
  std::string version = text.substr(colon + 1);
  if (policy.level == SecurityLevel::kPrivileged)
    version = "latest";
  else if (policy.minor > kLatestSecurityMinor)
    version = "future";
  evaluations_->Add({allowed ? "allow" : "deny", text.substr(0, colon), version, mode,
                     OperationLabel(request), ResourceLabel(request), request.subresource});
}

void PodSecurityCounts::Exempted(const AdmissionRequest& request) const {
  if (exemptions_ == nullptr) return;
  exemptions_->Add({OperationLabel(request), ResourceLabel(request), request.subresource});
}

void PodSecurityCounts::Failed(const AdmissionRequest& request) const {
  if (errors_ == nullptr) return;
  errors_->Add({"false", OperationLabel(request), ResourceLabel(request), request.subresource});
}

}  // namespace skiff
