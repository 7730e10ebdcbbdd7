// What a kubelet may not do although it may do the like: on the real server, as node1.
#include <gtest/gtest.h>

#include "apiserver/server/server_fixture.h"
#include "base/certificates.h"
#include "base/hash.h"

namespace skiff {
namespace {

class NodeRestrictionTest : public ServerFixture {
 protected:
  std::string AsNode(const std::string& method, const std::string& path, const std::string& body,
                     const std::string& type = "") {
    const auto answer = Ask(method, path, body, type, "node1");
    return answer.code < 300 ? "yes" : answer.message();
  }
  // As `user`, a member of `group`, of the administrator's making.
  Answer AskAs(const std::string& user, const std::string& group, const std::string& method,
               const std::string& path, const std::string& body = "") {
    Question question{.method = method, .path = path, .body = body};
    question.headers.emplace("Impersonate-User", user);
    question.headers.emplace("Impersonate-Group", group);
    return Ask(question);
  }
  std::string Register(const std::string& labels) {
    return AsNode("POST", "/api/v1/nodes?dryRun=All",
                  R"({"metadata": {"name": "node1", "labels": {)" + labels + "}}}");
  }
};

TEST_F(NodeRestrictionTest, ANodeCannotRegisterWithLabelsThatDrawWorkloads) {
  const std::string refused =
      "nodes \"node1\" is forbidden: node \"node1\" is not allowed to set the following labels: ";
  EXPECT_EQ(Register(R"("node-role.kubernetes.io/control-plane": "")"),
            refused + "node-role.kubernetes.io/control-plane");
  EXPECT_EQ(Register(R"("b.node-restriction.kubernetes.io/x": "", "a.k8s.io/y": "")"),
            refused + "a.k8s.io/y, b.node-restriction.kubernetes.io/x");
  EXPECT_EQ(Register(R"("kubernetes.io/os": "linux", "x.node.kubernetes.io/y": "",
                        "example.com/free": "1", "plain": "1")"),
            "yes");
}

TEST_F(NodeRestrictionTest, AMirrorPodRefersToNothingOfTheApi) {
  const auto node = Post("/api/v1/nodes", R"({"metadata": {"name": "node1"}})");
  ASSERT_EQ(node.code, 201);
  const Json owner = {{"apiVersion", "v1"},
                      {"kind", "Node"},
                      {"name", "node1"},
                      {"uid", node.body["metadata"]["uid"]},
                      {"controller", true}};
  const auto with = [&](const char* volume) {
    Json source = Json::parse(volume);
    source["name"] = "v";
    const Json pod = {{"metadata",
                       {{"name", "m"},
                        {"annotations", {{"kubernetes.io/config.mirror", "x"}}},
                        {"ownerReferences", {owner}}}},
                      {"spec",
                       {{"nodeName", "node1"},
                        {"containers", {{{"name", "c"}, {"image", "x"}}}},
                        {"volumes", {source}}}}};
    return AsNode("POST", "/api/v1/namespaces/default/pods?dryRun=All", pod.dump());
  };
  const std::string refused =
      "pods \"m\" is forbidden: node \"node1\" can not create pods that reference ";
  EXPECT_EQ(with(R"({"emptyDir": {}})"), "yes");
  EXPECT_EQ(with(R"({"projected": {"sources": [{"clusterTrustBundle": {"path": "a",
                "name": "b"}}]}})"),
            refused + "clustertrustbundles or podcertificates");
  EXPECT_EQ(with(R"({"projected": {"sources": [{"podCertificate": {"signerName": "a.b/c",
                "keyType": "ED25519", "credentialBundlePath": "d"}}]}})"),
            refused + "clustertrustbundles or podcertificates");
  EXPECT_EQ(with(R"({"csi": {"driver": "d"}})"), refused + "csidrivers (via CSI volumes)");
  EXPECT_EQ(with(R"({"glusterfs": {"endpoints": "e", "path": "p"}})"),
            refused + "endpoints (via glusterFS volumes)");
  EXPECT_EQ(with(R"({"persistentVolumeClaim": {"claimName": "c"}})"),
            refused + "persistentvolumeclaims");
  EXPECT_EQ(with(R"({"projected": {"sources": [{"downwardAPI": {"items": [{"path": "a",
                "fieldRef": {"fieldPath": "metadata.name"}}]}}]}})"),
            "yes");
}

TEST_F(NodeRestrictionTest, WhatIsMissingIsToldAsKubernetesCachesDo) {
  EXPECT_EQ(AsNode("POST", "/api/v1/namespaces/default/pods?dryRun=All",
                   R"({"metadata": {"name": "m", "annotations": {"kubernetes.io/config.mirror":
                       "x"}, "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name":
                       "node1", "uid": "u", "controller": true}]}, "spec": {"nodeName": "node1",
                       "containers": [{"name": "c", "image": "x"}]}})"),
            "node \"node1\" not found");
  ASSERT_EQ(Post("/api/v1/namespaces/default/pods", R"({"metadata": {"name": "p"}, "spec":
      {"nodeName": "node1", "containers": [{"name": "c", "image": "i"}]}})")
                .code,
            201);
  Settle();
  const auto token = [&](const std::string& reference) {
    return AsNode("POST", "/api/v1/namespaces/default/serviceaccounts/default/token",
                  R"({"spec": {"boundObjectRef": )" + reference + "}}");
  };
  EXPECT_EQ(token(R"({"apiVersion": "v1", "kind": "Pod", "name": "gone", "uid": "u"})"),
            "pod \"gone\" not found");
  const std::string unbound = "node requested token not bound to a pod";
  for (const char* reference : {R"({"kind": "Pod", "name": "p", "uid": "u"})",
                                R"({"apiVersion": "v1", "kind": "Pod", "uid": "u"})"}) {
    EXPECT_NE(token(reference).find(unbound), std::string::npos) << token(reference);
  }
}

TEST_F(NodeRestrictionTest, ANodeWritesItsOwnNodeButNotWhatOthersDecideOfIt) {
  ASSERT_EQ(AsNode("POST", "/api/v1/nodes", R"({"metadata": {"name": "node1"}})"), "yes");
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata": {"name": "node2"}})").code, 201);
  const std::string merge = "application/merge-patch+json";
  const std::string own = "nodes \"node1\" is forbidden: ";
  const std::string label = R"({"metadata": {"labels": {"a": "b"}}})";
  EXPECT_EQ(AsNode("PATCH", "/api/v1/nodes/node2", label, merge),
            "nodes \"node2\" is forbidden: node \"node1\" is not allowed to modify node \"node2\"");
  EXPECT_EQ(AsNode("PATCH", "/api/v1/nodes/node1", R"({"spec": {"taints": []}})", merge),
            own + "node \"node1\" is not allowed to modify taints");
  EXPECT_EQ(AsNode("PATCH", "/api/v1/nodes/node1",
                   R"({"spec": {"configSource": {"configMap": {"namespace": "a", "name": "b",
                       "kubeletConfigKey": "k"}}}})",
                   merge),
            own + "node \"node1\" is not allowed to update configSource to a new non-nil "
                  "configSource");
  EXPECT_EQ(AsNode("PATCH", "/api/v1/nodes/node1",
                   R"({"metadata": {"labels": {"node-role.kubernetes.io/x": ""}}})", merge),
            own + "is not allowed to modify labels: node-role.kubernetes.io/x");
  EXPECT_EQ(AsNode("PATCH", "/api/v1/nodes/node1", label, merge), "yes");
}

TEST_F(NodeRestrictionTest, ANodeAsksForNoOtherNodesCertificate) {
  const auto key = *NewSigningKey(KeyKind::kP256);
  const auto ask = [&](const std::string& signer, const std::string& node) {
    const std::string request = *MakeCertificateRequest(
        key.private_pem,
        {.common_name = "system:node:" + node, .organizations = {"system:nodes"}});
    const std::string usage = signer == "kubelet-serving" ? "server auth" : "client auth";
    return AsNode("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests?dryRun=All",
                  R"({"metadata": {"name": "r"}, "spec": {"signerName": "kubernetes.io/)" + signer +
                      R"(", "usages": [")" + usage + R"("], "request": ")" + Base64(request) +
                      R"("}})");
  };
  const std::string refused =
      "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: can only create a node "
      "CSR with CN=system:node:node1";
  EXPECT_EQ(ask("kube-apiserver-client-kubelet", "node2"), refused);
  EXPECT_EQ(ask("kubelet-serving", "node2"), refused);
  EXPECT_EQ(ask("kubelet-serving", "node1"), "yes");
  EXPECT_EQ(ask("kube-apiserver-client-kubelet", "node1"), "yes");
  EXPECT_EQ(ask("kube-apiserver-client", "node2"), "yes") << "whose approval is another matter";
}

TEST_F(NodeRestrictionTest, ANodeHasItsOwnResourceSlicesAlone) {
  const auto slice = [](const std::string& name, const std::string& node) {
    return R"({"metadata": {"name": ")" + name + R"("}, "spec": {"driver": "d.io", "nodeName": ")" +
           node + R"(", "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1}}})";
  };
  const std::string all = "/apis/resource.k8s.io/v1/resourceslices";
  EXPECT_EQ(AsNode("POST", all, slice("theirs", "node2")),
            "resourceslices.resource.k8s.io \"theirs\" is forbidden: can only create ResourceSlice "
            "with the same NodeName as the requesting node");
  ASSERT_EQ(Post(all, slice("theirs", "node2")).code, 201);
  ASSERT_EQ(AsNode("POST", all, slice("mine", "node1")), "yes");
  EXPECT_EQ(Ask("DELETE", all, "", "", "node1").code, 403) << "not all of them";
  EXPECT_EQ(Ask("DELETE", all + "/theirs", "", "", "node1").code, 403);
  EXPECT_EQ(Ask("DELETE", all + "?fieldSelector=spec.nodeName=node1", "", "", "node1").code, 200);
  EXPECT_EQ(Get(all + "/mine").code, 404);
  EXPECT_EQ(Get(all + "/theirs").code, 200);
}

TEST_F(NodeRestrictionTest, WhatServesTheNetworkOfANodeReadsMoreAndDeletesItsVolumesAlone) {
  const auto make = [&](const std::string& name, const std::string& node) {
    const auto made = Post("/api/v1/persistentvolumes", R"({"metadata": {"name": ")" + name +
                           R"(", "labels": {"skiff.io/reclaimed-by": ")" + node + R"("}}, "spec": {
                           "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                           "hostPath": {"path": "/x"}}})");
    ASSERT_EQ(made.code, 201) << made.message();
  };
  make("mine", "node1");
  make("theirs", "node2");
  const auto as = [&](const char* method, const std::string& path) {
    return AskAs("skiff:node-services:node1", "skiff:node-services", method, path).code;
  };
  for (const char* path : {"/api/v1/nodes", "/api/v1/services", "/api/v1/namespaces",
                           "/apis/discovery.k8s.io/v1/endpointslices"}) {
    EXPECT_EQ(as("GET", path), 200) << path;
    const bool is_of_kubelets = std::string(path) == "/api/v1/services";
    EXPECT_EQ(Ask("GET", path, "", "", "node1").code, is_of_kubelets ? 200 : 403)
        << path << ": the node itself";
  }
  for (const char* path : {"/api/v1/pods", "/apis/networking.k8s.io/v1/networkpolicies"}) {
    EXPECT_EQ(as("GET", path), 200) << path << ": who may reach whom";
  }
  for (const char* path : {"/api/v1/secrets", "/api/v1/configmaps", "/apis/apps/v1/deployments"}) {
    EXPECT_EQ(as("GET", path), 403) << path;
  }
  EXPECT_EQ(as("DELETE", "/api/v1/persistentvolumes/theirs"), 403);
  EXPECT_EQ(as("DELETE", "/api/v1/persistentvolumes/mine"), 200);
  EXPECT_EQ(Ask("DELETE", "/api/v1/persistentvolumes/theirs", "", "", "node1").code, 403);
  EXPECT_EQ(AskAs("skiff:node-services:", "skiff:node-services", "DELETE",
                  "/api/v1/persistentvolumes/theirs")
                .code,
            403);
}

TEST_F(NodeRestrictionTest, WhatServesTheNetworkOfANodeLetsGoOfItsVolumesAndChangesNothingElse) {
  for (const std::string node : {"node1", "node2"}) {
    const auto made =
        Post("/api/v1/persistentvolumes", R"({"metadata": {"name": "of-)" + node +
                                              R"(", "finalizers": ["skiff.io/local-volume"],
                           "labels": {"skiff.io/reclaimed-by": ")" +
                                              node + R"("}}, "spec": {
                           "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                           "hostPath": {"path": "/x"}}})");
    ASSERT_EQ(made.code, 201) << made.message();
  }
  const auto patch = [&](const std::string& path, const std::string& body) {
    Question question{.method = "PATCH",
                      .path = "/api/v1/persistentvolumes/" + path,
                      .body = body,
                      .type = "application/merge-patch+json"};
    question.headers.emplace("Impersonate-User", "skiff:node-services:node1");
    question.headers.emplace("Impersonate-Group", "skiff:node-services");
    return Ask(question).code;
  };
  const std::string rest = R"("finalizers": ["kubernetes.io/pv-protection"])";
  const std::string let_go = R"({"metadata": {)" + rest + "}}";
  EXPECT_EQ(patch("of-node1", let_go), 403) << "it could change its path as well";
  EXPECT_EQ(patch("of-node2/status", let_go), 403);
  EXPECT_EQ(patch("of-node1/status", R"({"metadata": {"finalizers": null}})"), 403);
  EXPECT_EQ(patch("of-node1/status", R"({"status": {"phase": "Failed"}})"), 403);
  EXPECT_EQ(patch("of-node1/status", R"({"metadata": {"labels": {"a": "b"}, )" + rest + "}}"), 403);
  EXPECT_EQ(patch("of-node1/status", let_go), 200);
  EXPECT_EQ(Get("/api/v1/persistentvolumes/of-node1").body["metadata"]["finalizers"],
            Json::array({"kubernetes.io/pv-protection"}));
}

}  // namespace
}  // namespace skiff
