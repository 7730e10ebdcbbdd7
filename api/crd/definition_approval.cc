// Whose groups need an approval.
#include "api/crd/definition.h"

namespace skiff::crd {
namespace {

bool IsUrl(std::string_view text) {
  const size_t colon = text.find("://");
  return colon != std::string_view::npos && colon > 0 && text.size() > colon + 3;
}

}  // namespace

bool IsProtectedGroup(std::string_view group) {
  return group == "k8s.io" || group.ends_with(".k8s.io") || group == "kubernetes.io" ||
         group.ends_with(".kubernetes.io");
}

Approval ApprovalOf(const std::map<std::string, std::string>& annotations) {
  const auto found = annotations.find(kApprovalAnnotation);
  if (found == annotations.end() || found->second.empty()) {
    return {Approval::State::kMissing,
            "protected groups must have approval annotation \"api-approved.kubernetes.io\", see "
            "https://github.com/kubernetes/enhancements/pull/1111"};
  }
  if (found->second.starts_with("unapproved")) {
    return {Approval::State::kBypassed, found->second};
  }
  if (IsUrl(found->second)) return {Approval::State::kApproved, found->second};
  return {Approval::State::kInvalid,
          "protected groups must have approval annotation \"api-approved.kubernetes.io\" with "
          "either a URL or a reason starting with \"unapproved\", see "
          "https://github.com/kubernetes/enhancements/pull/1111"};
}

}  // namespace skiff::crd
