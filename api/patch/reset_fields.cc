// Which fields each endpoint resets: a table, because nothing in the schema tells.
#include <algorithm>
#include <array>

#include "api/patch/managed_fields.h"

namespace skiff {
namespace {

struct Row {
  std::string_view group;
  std::string_view resource;
  std::string_view subresource;
  std::array<std::string_view, 3> paths;
};

// Endpoints that differ from the rule: the object resets "status", /status resets "spec".
constexpr Row kRows[] = {
    {"", "pods", "status", {"spec", "metadata.deletionTimestamp", "metadata.ownerReferences"}},
    {"", "namespaces", "finalize", {"status"}},
    {"apps", "deployments", "status", {"spec", "metadata.labels"}},
    {"admissionregistration.k8s.io", "validatingadmissionpolicies", "status", {"metadata", "spec"}},
    {"flowcontrol.apiserver.k8s.io", "flowschemas", "status", {"metadata", "spec"}},
    {"flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", "status", {"metadata", "spec"}},
    {"resource.k8s.io", "resourceclaims", "status", {"metadata", "spec"}},
    {"networking.k8s.io", "servicecidrs", "", {}},
    {"networking.k8s.io", "servicecidrs", "status", {}},
    {"storage.k8s.io", "volumeattachments", "status", {"metadata", "spec"}},
    {"apiregistration.k8s.io", "apiservices", "status", {"metadata", "spec"}},
    {"apiextensions.k8s.io", "customresourcedefinitions", "status", {"metadata", "spec"}},
    {"certificates.k8s.io", "certificatesigningrequests", "", {"spec", "status"}},
    {"certificates.k8s.io", "certificatesigningrequests", "status", {"spec", "status.conditions"}},
    {"certificates.k8s.io",
     "certificatesigningrequests",
     "approval",
     {"spec", "status.certificate"}},
};

}  // namespace

ResetFields ResetFieldsOf(const KindInfo& kind, std::string_view subresource) {
  ResetFields out;
  for (const Row& row : kRows) {
    if (row.group != kind.group || row.resource != kind.resource ||
        row.subresource != subresource) {
      continue;
    }
    for (const std::string_view path : row.paths) {
      if (!path.empty()) out.paths.push_back(path);
    }
    return out;
  }
  const bool has_status = kind.FindSubresource("status") != nullptr;
  if (subresource.empty() && has_status) out.paths = {"status"};
  if (subresource == "status") out.paths = {"spec"};
  return out;
}

}  // namespace skiff
