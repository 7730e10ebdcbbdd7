// Which plugins can be named, and turned off.
#include <gtest/gtest.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class AdmissionPluginsTest : public ServerFixture {
 protected:
  // "" or why no server can be made without that plugin.
  std::string Without(const std::string& plugin) {
    const auto server = ApiServer::Create({.authorization_modes = {"RBAC"},
                                           .token_file_text = kTokens,
                                           .disabled_admission_plugins = {plugin}},
                                          {*store_, clock_, random_});
    return server ? "" : server.error().message;
  }
  std::string ReadsOfNodes() {
    const std::string all = Get("/metrics").response.body;
    const std::string name =
        "\netcd_requests_total{operation=\"get\",group=\"\",resource=\"nodes\"} ";
    const size_t at = all.find(name);
    if (at == all.npos) return "";
    return all.substr(at + name.size(), all.find('\n', at + 1) - at - name.size());
  }
  // The labels of a new pod that is bound to that node.
  Json LabelsOfBound(const std::string& pod, const std::string& node) {
    const std::string pods = "/api/v1/namespaces/default/pods";
    const Json spec = {{"containers", {{{"name", "c"}, {"image", "i:1"}}}}};
    const Json made = {{"metadata", {{"name", pod}}}, {"spec", spec}};
    EXPECT_EQ(Post(pods, made.dump()).code, 201);
    const Json binding = {{"metadata", {{"name", pod}}}, {"target", {{"name", node}}}};
    EXPECT_EQ(Post(pods + "/" + pod + "/binding", binding.dump()).code, 201);
    return Get(pods + "/" + pod).body["metadata"].value("labels", Json::object());
  }
};

// What they are is followed: nodes are not read for each pod that is bound.
TEST_F(AdmissionPluginsTest, ABoundPodHasTheZoneThatItsNodeIsIn) {
  const std::string zone = "topology.kubernetes.io/zone";
  const std::string region = "topology.kubernetes.io/region";
  const Json labels = {{zone, "a"}, {region, "r"}, {"other", "x"}};
  const Json node = {{"metadata", {{"name", "n"}, {"labels", labels}}}};
  ASSERT_EQ(Post("/api/v1/nodes", node.dump()).code, 201);
  const std::string reads = ReadsOfNodes();
  EXPECT_EQ(LabelsOfBound("a", "n"), (Json{{zone, "a"}, {region, "r"}}));
  EXPECT_EQ(LabelsOfBound("b", "n"), (Json{{zone, "a"}, {region, "r"}}));
  EXPECT_EQ(LabelsOfBound("c", "none"), Json::object());
  EXPECT_EQ(ReadsOfNodes(), reads);
  Merge("/api/v1/nodes/n", R"({"metadata": {"labels": {"topology.kubernetes.io/zone": "b"}}})");
  EXPECT_EQ(LabelsOfBound("d", "n"), (Json{{zone, "b"}, {region, "r"}}));
  Ask("DELETE", "/api/v1/nodes/n");
  EXPECT_EQ(LabelsOfBound("e", "n"), Json::object());
}

TEST_F(AdmissionPluginsTest, ThoseOfKubernetesCanBeTurnedOff) {
  EXPECT_EQ(Without("LimitRanger"), "");
  EXPECT_EQ(Without("ValidatingAdmissionPolicy"), "");
}

TEST_F(AdmissionPluginsTest, WhatKubernetesDoesInItsStorageCannot) {
  for (const std::string name : {"RbacEscalation", "CertificateRequestUser", "DeviceAdminAccess",
                                 "AdmissionPolicyParams", "NodeServices", "Nothing"}) {
    EXPECT_EQ(Without(name), "disable-admission-plugins plugin \"" + name + "\" is unknown");
  }
}

TEST_F(AdmissionPluginsTest, WhatIsNotHereIsRefusedWithAReason) {
  EXPECT_EQ(Without("EventRateLimit"),
            "admission plugin \"EventRateLimit\" is not part of skiff: it refuses events past a "
            "rate that a file gives; FlowSchemas bound how many requests of who writes events are "
            "served at once");
  EXPECT_NE(Without("NamespaceAutoProvision").find("create namespaces before"), std::string::npos);
}

// A policy adds nothing, so it is no replacement of those that do.
TEST_F(AdmissionPluginsTest, WhatAddsToPodsIsReplacedByWhatCanAdd) {
  for (const std::string name : {"PodNodeSelector", "PodTolerationRestriction"}) {
    EXPECT_NE(Without(name).find("a webhook of a MutatingWebhookConfiguration can add them"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace skiff
