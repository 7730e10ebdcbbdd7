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
  // The labels of a new pod that is bound to that.
  Json LabelsOfBound(const std::string& pod, const Json& target) {
    const std::string pods = "/api/v1/namespaces/default/pods";
    const Json spec = {{"containers", {{{"name", "c"}, {"image", "i:1"}}}}};
    const Json made = {{"metadata", {{"name", pod}}}, {"spec", spec}};
    EXPECT_EQ(Post(pods, made.dump()).code, 201);
    const Json binding = {{"metadata", {{"name", pod}}}, {"target", target}};
    EXPECT_EQ(Post(pods + "/" + pod + "/binding", binding.dump()).code, 201);
    return Get(pods + "/" + pod).body["metadata"].value("labels", Json::object());
  }
};

TEST_F(AdmissionPluginsTest, ABoundPodHasTheZoneThatItsNodeIsIn) {
  const std::string zone = "topology.kubernetes.io/zone";
  const std::string region = "topology.kubernetes.io/region";
  const Json labels = {{zone, "a"}, {region, "r"}, {"other", "x"}};
  const Json node = {{"metadata", {{"name", "n"}, {"labels", labels}}}};
  ASSERT_EQ(Post("/api/v1/nodes", node.dump()).code, 201);
  EXPECT_EQ(LabelsOfBound("a", {{"kind", "Node"}, {"name", "n"}}),
            (Json{{zone, "a"}, {region, "r"}}));
  EXPECT_EQ(LabelsOfBound("b", {{"kind", "Node"}, {"name", "none"}}), Json::object());
  EXPECT_EQ(LabelsOfBound("c", {{"name", "n"}}), Json::object())
      << "Kubernetes looks at bindings to what is said to be a node";
  ASSERT_EQ(Ask("DELETE", "/api/v1/nodes/n").code, 200);
  EXPECT_EQ(LabelsOfBound("d", {{"kind", "Node"}, {"name", "n"}}), Json::object());
  const Json moved = {{"metadata", {{"name", "n"}, {"labels", {{zone, "b"}}}}}};
  ASSERT_EQ(Post("/api/v1/nodes", moved.dump()).code, 201);
  EXPECT_EQ(LabelsOfBound("e", {{"kind", "Node"}, {"name", "n"}}), (Json{{zone, "b"}}));
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
