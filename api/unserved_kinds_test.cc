#include "api/unserved_kinds.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace skiff {
namespace {

// A kind that is served has either what acts on it, and then stands here, or a text that says that
// nothing does. PodTemplates, Leases and ControllerRevisions are data: nothing acts on them in
// Kubernetes either.
TEST(UnservedKindsTest, EveryKindHasWhatActsOnItOrSaysSo) {
  const std::set<std::string_view> served = {
      "bindings", "componentstatuses", "configmaps", "endpoints", "events", "limitranges",
      "namespaces", "nodes",
      "persistentvolumeclaims", "persistentvolumes", "pods", "podtemplates",
      "replicationcontrollers", "resourcequotas", "secrets", "serviceaccounts", "services",
      "controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets",
      "selfsubjectreviews", "tokenreviews", "localsubjectaccessreviews", "selfsubjectaccessreviews",
      "selfsubjectrulesreviews", "subjectaccessreviews", "cronjobs", "jobs",
      "horizontalpodautoscalers",
      "certificatesigningrequests", "leases", "endpointslices", "ingressclasses", "ipaddresses",
      "servicecidrs",
      "runtimeclasses", "poddisruptionbudgets", "clusterrolebindings", "clusterroles",
      "rolebindings", "roles", "priorityclasses", "csinodes", "storageclasses",
      "volumeattachments", "volumeattributesclasses",
      "customresourcedefinitions", "mutatingwebhookconfigurations",
      "validatingwebhookconfigurations", "validatingadmissionpolicies",
      "validatingadmissionpolicybindings", "apiservices", "flowschemas",
      "prioritylevelconfigurations"};
  for (const KindInfo* kind : BuiltInKinds()) {
    EXPECT_EQ(WhyUnserved(*kind).empty(), served.contains(kind->resource))
        << kind->api_version << " " << kind->resource;
  }
}

}  // namespace
}  // namespace skiff
