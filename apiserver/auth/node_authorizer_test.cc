// What a kubelet may do, right by right, over the real store; NodeRestriction has its own test.
#include "apiserver/auth/node_authorizer.h"

#include <gtest/gtest.h>

#include "apiserver/objects/record_codec.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

constexpr const char* kPod = R"({"metadata": {"name": "mine"}, "spec": {"nodeName": "node1",
  "containers": [{"name": "c", "image": "i", "envFrom": [{"secretRef": {"name": "s"}},
                                                         {"configMapRef": {"name": "m"}}]}],
  "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}})";

class NodeAuthorizerTest : public ServerFixture {
 protected:
  NodeAuthorizerTest() : authorizer_(*store_) {
    EXPECT_EQ(Post("/api/v1/namespaces/default/pods", kPod).code, 201);
    EXPECT_EQ(Post("/api/v1/namespaces/default/pods",
                   R"({"metadata": {"name": "other"}, "spec": {"nodeName": "node2",
                       "containers": [{"name": "c", "image": "i"}]}})")
                  .code,
              201);
    Slice("mine", "node1");
    Slice("theirs", "node2");
    Attachment("mine", "node1");
    Attachment("theirs", "node2");
  }
  void Slice(const std::string& name, const std::string& node) {
    const auto made = Post("/apis/resource.k8s.io/v1/resourceslices",
                           R"({"metadata": {"name": ")" + name + R"("}, "spec": {"driver": "d.io",
                              "nodeName": ")" + node + R"(", "pool": {"name": ")" + node +
                               R"(", "generation": 1, "resourceSliceCount": 1}}})");
    EXPECT_EQ(made.code, 201) << made.message();
  }
  void Attachment(const std::string& name, const std::string& node) {
    const auto made = Post("/apis/storage.k8s.io/v1/volumeattachments",
                           R"({"metadata": {"name": ")" + name + R"("}, "spec": {"attacher": "d.io",
                              "nodeName": ")" + node +
                               R"(", "source": {"persistentVolumeName": "pv"}}})");
    EXPECT_EQ(made.code, 201) << made.message();
  }
  // "yes", or why not.
  std::string May(const Access& access) {
    const User node{.name = "system:node:node1", .groups = {"system:nodes"}};
    const Verdict verdict = authorizer_.Authorize(node, access);
    EXPECT_NE(verdict.decision, Verdict::Decision::kDeny);
    return verdict.allowed() ? "yes" : verdict.reason;
  }
  // "VERB GROUP RESOURCE[/SUBRESOURCE] NAMESPACE NAME SELECTOR", "-" for what is empty.
  std::string May(const std::string& line) {
    std::istringstream in(line);
    std::string words[6];
    for (std::string& word : words) {
      in >> word;
      if (word == "-") word.clear();
    }
    const size_t slash = words[2].find('/');
    const bool plain = slash == std::string::npos;
    return May(Access{.verb = words[0],
                      .group = words[1],
                      .version = "v1",
                      .resource = words[2].substr(0, slash),
                      .subresource = plain ? "" : words[2].substr(slash + 1),
                      .namespace_name = words[3],
                      .name = words[4],
                      .field_selector = words[5]});
  }

  NodeAuthorizer authorizer_;
};

constexpr const char* kUnrelated = "no relationship found between node 'node1' and this object";
constexpr const char* kOwnLease =
    "can only access node lease with the same name as the requesting node";
constexpr const char* kOnlyGet = "can only get individual resources of this type";
constexpr const char* kSliceSelector =
    "can only list/watch/deletecollection resourceslices with nodeName field selector";

struct Right {
  const char* access;
  const char* answer;
};
constexpr Right kRights[] = {
    // Secrets and config maps: single ones that a pod here names.
    {"get - secrets default s", "yes"},
    {"list - secrets default s", "yes"},
    {"watch - configmaps default m", "yes"},
    {"get - secrets default other", kUnrelated},
    {"get - secrets kube-system s", kUnrelated},
    {"list - secrets default", "No Object name found"},
    {"list - secrets", "can only read namespaced object of this type"},
    {"update - secrets default s", "can only read resources of this type"},
    {"get - configmaps/x default m", "cannot read subresource"},
    // Claims and volumes.
    {"get - persistentvolumeclaims default data", "yes"},
    {"list - persistentvolumeclaims default data", kOnlyGet},
    {"patch - persistentvolumeclaims/status default data", "yes"},
    {"get - persistentvolumeclaims/status default data",
     "can only get/update/patch this type"},
    {"get - persistentvolumes - pv", kUnrelated},
    {"list - persistentvolumes", kOnlyGet},
    {"delete - persistentvolumes - pv", kOnlyGet},
    {"get storage.k8s.io volumeattachments - mine", "yes"},
    {"get storage.k8s.io volumeattachments - theirs", kUnrelated},
    {"list storage.k8s.io volumeattachments", kOnlyGet},
    // Service accounts and their tokens.
    {"get - serviceaccounts default default", "yes"},
    {"get - serviceaccounts default other", kUnrelated},
    {"create - serviceaccounts/token default default", "yes"},
    {"create - serviceaccounts/token default other", kUnrelated},
    {"list - serviceaccounts default", "can only create tokens for individual service accounts"},
    {"create - serviceaccounts/other default default",
     "can only create token subresource of serviceaccount"},
    // Leases and CSINodes of its own.
    {"create coordination.k8s.io leases kube-node-lease", "yes"},
    {"update coordination.k8s.io leases kube-node-lease node1", "yes"},
    {"update coordination.k8s.io leases kube-node-lease node2", kOwnLease},
    {"get coordination.k8s.io leases default node1",
     "can only access leases in the \"kube-node-lease\" system namespace"},
    {"list coordination.k8s.io leases kube-node-lease",
     "can only get, create, update, patch, or delete a node lease"},
    {"delete storage.k8s.io csinodes - node1", "yes"},
    {"get storage.k8s.io csinodes - node2",
     "can only access CSINode with the same name as the requesting node"},
    // Resource slices of its own.
    {"create resource.k8s.io resourceslices", "yes"},
    {"update resource.k8s.io resourceslices - mine", "yes"},
    {"delete resource.k8s.io resourceslices - theirs", kUnrelated},
    {"list resource.k8s.io resourceslices - - spec.nodeName=node1", "yes"},
    {"deletecollection resource.k8s.io resourceslices - - spec.nodeName=node1", "yes"},
    {"deletecollection resource.k8s.io resourceslices", kSliceSelector},
    {"deletecollection resource.k8s.io resourceslices - - spec.nodeName=node2", kSliceSelector},
    {"watch resource.k8s.io resourceslices - - spec.nodeName!=node1", kSliceSelector},
    // Nodes: all may be written, which NodeRestriction narrows; only its own is read.
    {"get - nodes - node1", "yes"},
    {"watch - nodes - node1 metadata.name=node1", "yes"},
    {"patch - nodes/status - node1", "yes"},
    {"get - nodes - node2", "node 'node1' cannot read 'node2', only its own Node object"},
    {"list - nodes", "node 'node1' cannot read all nodes, only its own Node object"},
    {"delete - nodes - node1", ""},
    {"get - nodes/proxy - node1", ""},
    // Pods on it.
    {"get - pods default mine", "yes"},
    {"get - pods default other", kUnrelated},
    {"list - pods - - spec.nodeName=node1", "yes"},
    {"watch - pods default mine metadata.name=mine", "yes"},
    {"list - pods - - spec.nodeName=node2",
     "can only list/watch pods with spec.nodeName field selector"},
    {"update - pods default mine", ""},
    {"update - pods/status default other", "yes"},
    {"create - pods/eviction default other", "yes"},
    {"get - pods/log default mine", ""},
    {"create - pods/exec default mine", ""},
    // By the rules of the role.
    {"list - services", "yes"},
    {"create certificates.k8s.io certificatesigningrequests", "yes"},
    {"list node.k8s.io runtimeclasses", "yes"},
    {"list - namespaces", ""},
    {"list discovery.k8s.io endpointslices", ""},
    {"list storage.k8s.io storageclasses", ""},
};

TEST_F(NodeAuthorizerTest, EachRightIsThatOfKubernetes) {
  for (const Right& right : kRights) EXPECT_EQ(May(right.access), right.answer) << right.access;
}

TEST_F(NodeAuthorizerTest, TheSecretsOfACsiVolumeAreReachedThroughItsClaim) {
  EXPECT_EQ(May("get - secrets csi stage"), kUnrelated);
  const auto made = Post("/api/v1/persistentvolumes", R"({"metadata": {"name": "pv"}, "spec": {
      "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
      "claimRef": {"namespace": "default", "name": "data"},
      "csi": {"driver": "d.io", "volumeHandle": "h",
              "nodeStageSecretRef": {"namespace": "csi", "name": "stage"}}}})");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(May("get - persistentvolumes - pv"), "yes");
  EXPECT_EQ(May("get - secrets csi stage"), "yes");
  ASSERT_EQ(Ask("DELETE", "/api/v1/namespaces/default/pods/mine?gracePeriodSeconds=0").code, 200);
  EXPECT_EQ(May("get - secrets csi stage"), kUnrelated) << "the pod is gone";
}

TEST_F(NodeAuthorizerTest, WhatAPodComesToNameLaterIsReachedToo) {
  EXPECT_EQ(May("get - secrets default late"), kUnrelated);
  const auto patched =
      Ask("PATCH", "/api/v1/namespaces/default/pods/mine/ephemeralcontainers",
          R"({"spec": {"ephemeralContainers": [{"name": "e", "image": "i",
              "envFrom": [{"secretRef": {"name": "late"}}]}]}})",
          "application/strategic-merge-patch+json");
  ASSERT_EQ(patched.code, 200) << patched.message();
  EXPECT_EQ(May("get - secrets default late"), "yes");
}

TEST_F(NodeAuthorizerTest, WhatAPodNamesNoMoreIsReachedNoMore) {
  const auto pod = Post("/api/v1/namespaces/default/pods",
                        R"({"metadata": {"name": "claims"}, "spec": {"nodeName": "node1",
                            "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "t"}],
                            "containers": [{"name": "c", "image": "i",
                                            "envFrom": [{"secretRef": {"name": "k"}}]}]}})");
  ASSERT_EQ(pod.code, 201) << pod.message();
  const auto write = [&](const char* statuses) {
    const auto patched = Ask("PATCH", "/api/v1/namespaces/default/pods/claims/status",
                             std::string(R"({"status": {"resourceClaimStatuses": )") + statuses +
                                 "}}",
                             "application/merge-patch+json");
    EXPECT_EQ(patched.code, 200) << patched.message();
  };
  EXPECT_EQ(May("get resource.k8s.io resourceclaims default made"), kUnrelated);
  write(R"([{"name": "gpu", "resourceClaimName": "made"}])");
  EXPECT_EQ(May("get resource.k8s.io resourceclaims default made"), "yes");
  write("[]");
  EXPECT_EQ(May("get resource.k8s.io resourceclaims default made"), kUnrelated);
  EXPECT_EQ(May("get - secrets default k"), "yes") << "that one it still names";
}

TEST_F(NodeAuthorizerTest, NobodyIsJudgedByWhatWasBeforeAGapInTheHistory) {
  store_->ReadHistoryAside();  // Nobody runs its loop: what left the ring is not at hand.
  const auto kept = Post("/api/v1/namespaces/default/pods",
                         R"({"metadata": {"name": "kept"}, "spec": {"nodeName": "node1",
                             "containers": [{"name": "c", "image": "i",
                                             "envFrom": [{"secretRef": {"name": "k"}}]}]}})");
  ASSERT_EQ(kept.code, 201) << kept.message();
  EXPECT_EQ(May("get - secrets default k"), "yes");
  EXPECT_EQ(May("get - secrets default s"), "yes");
  ASSERT_EQ(Ask("DELETE", "/api/v1/namespaces/default/pods/mine?gracePeriodSeconds=0").code, 200);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(store_->Apply({.key = "/large/x", .value = std::string(1 << 20, 'x')}));
  }
  EXPECT_EQ(May("get - secrets default s"), kUnrelated);
  EXPECT_EQ(May("get - secrets default k"), "yes") << "its pod is still there";
}

TEST_F(NodeAuthorizerTest, OnlyMembersOfTheGroupAreNodes) {
  const Access own{.verb = "get", .version = "v1", .resource = "nodes", .name = "node1"};
  EXPECT_TRUE(
      authorizer_.Authorize({.name = "system:node:node1", .groups = {"system:nodes"}}, own)
          .allowed());
  EXPECT_FALSE(authorizer_.Authorize({.name = "system:node:node1"}, own).allowed());
  EXPECT_FALSE(
      authorizer_.Authorize({.name = "node1", .groups = {"system:nodes"}}, own).allowed());
  EXPECT_EQ(authorizer_.Authorize({.name = "system:node:", .groups = {"system:nodes"}}, own).reason,
            "unknown node for user \"system:node:\"");
}

}  // namespace
}  // namespace skiff
