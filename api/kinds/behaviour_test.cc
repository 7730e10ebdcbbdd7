#include "api/kinds/behaviour.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "api/codec/sample_document.h"
#include "api/kinds/versions.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

TEST(KindBehaviours, EachKindHasItsOwn) {
  std::set<const KindBehaviour*> seen;
  for (const KindInfo* kind : BuiltInKinds()) {
    EXPECT_TRUE(seen.insert(kind->behaviour).second) << kind->api_version << " " << kind->kind;
    EXPECT_NE(kind->behaviour, &kPlainBehaviour) << kind->kind;
  }
  EXPECT_EQ(KindInfo().behaviour, &kPlainBehaviour);
}

TEST(KindBehaviours, WhatIsWrittenHasRules) {
  for (const KindInfo* kind : BuiltInKinds()) {
    const bool has_rules = kind->behaviour->rules != &kPlainRules;
    EXPECT_EQ(has_rules, kind->HasVerb("update")) << kind->api_version << " " << kind->kind;
  }
}

TEST(KindBehaviours, VersionsAreThoseThatTheSchemaKeeps) {
  size_t count = 0;
  for (const KindInfo* kind : BuiltInKinds()) {
    const auto versions = kind->behaviour->versions;
    // The version that discovery names of two kinds is not served any more.
    const bool is_served = std::ranges::any_of(BuiltInKinds(), [&](const KindInfo* other) {
      return other->kind == kind->kind && other->api_version == kind->storage_version;
    });
    EXPECT_EQ(StorageKindOf(*kind).api_version,
              is_served ? kind->storage_version : kind->api_version)
        << kind->kind;
    EXPECT_EQ(versions.empty(), kind->behaviour->converter == nullptr) << kind->kind;
    if (versions.empty()) continue;
    ++count;
    EXPECT_NE(std::ranges::find(versions, kind), versions.end()) << kind->api_version;
    for (const KindInfo* other : versions) {
      EXPECT_EQ(other->storage_key, kind->storage_key);
      EXPECT_EQ(other->behaviour->converter, kind->behaviour->converter);
      const auto converted = DocumentAs(*kind, *other, SampleDocument(*kind->type, 1));
      ASSERT_TRUE(converted) << converted.error().message;
      if (other == kind) continue;
      EXPECT_EQ((*converted)["apiVersion"], other->api_version);
    }
  }
  EXPECT_EQ(count, 4u);
}

// A kind that is served has either what acts on it, and then stands here, or a text that says that
// nothing does. PodTemplates, Leases and ControllerRevisions are data: nothing acts on them in
// Kubernetes either.
TEST(KindBehaviours, EveryKindHasWhatActsOnItOrSaysSo) {
  const std::set<std::string_view> served = {"bindings",
                                             "componentstatuses",
                                             "configmaps",
                                             "endpoints",
                                             "events",
                                             "limitranges",
                                             "namespaces",
                                             "nodes",
                                             "persistentvolumeclaims",
                                             "persistentvolumes",
                                             "pods",
                                             "podtemplates",
                                             "replicationcontrollers",
                                             "resourcequotas",
                                             "secrets",
                                             "serviceaccounts",
                                             "services",
                                             "controllerrevisions",
                                             "daemonsets",
                                             "deployments",
                                             "replicasets",
                                             "statefulsets",
                                             "selfsubjectreviews",
                                             "tokenreviews",
                                             "localsubjectaccessreviews",
                                             "selfsubjectaccessreviews",
                                             "selfsubjectrulesreviews",
                                             "subjectaccessreviews",
                                             "cronjobs",
                                             "jobs",
                                             "horizontalpodautoscalers",
                                             "certificatesigningrequests",
                                             "leases",
                                             "endpointslices",
                                             "ingressclasses",
                                             "ipaddresses",
                                             "servicecidrs",
                                             "runtimeclasses",
                                             "poddisruptionbudgets",
                                             "clusterrolebindings",
                                             "clusterroles",
                                             "rolebindings",
                                             "roles",
                                             "priorityclasses",
                                             "csidrivers",
                                             "csinodes",
                                             "csistoragecapacities",
                                             "storageclasses",
                                             "volumeattachments",
                                             "volumeattributesclasses",
                                             "customresourcedefinitions",
                                             "mutatingwebhookconfigurations",
                                             "validatingwebhookconfigurations",
                                             "validatingadmissionpolicies",
                                             "validatingadmissionpolicybindings",
                                             "apiservices",
                                             "flowschemas",
                                             "prioritylevelconfigurations",
                                             "deviceclasses",
                                             "resourceclaims",
                                             "resourceclaimtemplates",
                                             "resourceslices"};
  for (const KindInfo* kind : BuiltInKinds()) {
    EXPECT_EQ(kind->behaviour->unserved.empty(), served.contains(kind->resource))
        << kind->api_version << " " << kind->resource;
  }
}

}  // namespace
}  // namespace skiff
