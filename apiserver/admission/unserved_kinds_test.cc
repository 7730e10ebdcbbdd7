#include <gtest/gtest.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class UnservedKindsTest : public ServerFixture {
 protected:
  UnservedKindsTest() {
    silent_ = std::move(server_);
    server_ = *ApiServer::Create({.authorization_modes = {"RBAC"},
                                  .token_file_text = kTokens,
                                  .advertise_address = "192.0.2.7",
                                  .warns_of_unserved_kinds = true},
                                 {*store_, clock_, random_});
  }
  ~UnservedKindsTest() override { server_ = std::move(silent_); }

  static std::vector<std::string> Warnings(const Answer& answer) {
    std::vector<std::string> texts;
    for (const auto& [name, value] : answer.response.headers) {
      if (name == "Warning") texts.push_back(value);
    }
    return texts;
  }
  // The answer and whether it warned of what nothing acts on.
  bool Warned(const Answer& answer) {
    EXPECT_TRUE(answer.code == 200 || answer.code == 201) << answer.response.body;
    for (const std::string& text : Warnings(answer)) {
      if (text.starts_with("299 - \"skiff") || text.starts_with("299 - \"nobody")) return true;
    }
    return false;
  }

  std::unique_ptr<ApiServer> silent_;
};

TEST_F(UnservedKindsTest, WhoMakesOrChangesOneIsWarned) {
  const std::string policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
  const auto made = Post(policies, R"({"metadata": {"name": "p"}, "spec": {"podSelector": {}}})");
  EXPECT_TRUE(Warned(made));
  EXPECT_EQ(Warnings(made),
            std::vector<std::string>{
                "299 - \"nobody enforces NetworkPolicies here: simulated nodes carry no traffic, "
                "and others need a network plugin that does, or kube-proxy with "
                "--enforce-network-policies\""});
  EXPECT_FALSE(Warned(Merge(policies + "/p", R"({"metadata": {"labels": {"a": "b"}}})")))
      << "nothing else is asked for";
  EXPECT_TRUE(Warned(Merge(policies + "/p", R"({"spec": {"policyTypes": ["Egress"]}})")));
  EXPECT_FALSE(Warned(Get(policies + "/p")));
  EXPECT_FALSE(Warned(Post("/api/v1/namespaces/default/configmaps",
                           R"({"metadata": {"name": "c"}})")));
  EXPECT_FALSE(Warned(Post("/apis/storage.k8s.io/v1/csidrivers",
                           R"({"metadata": {"name": "csi.example.com"}, "spec": {}})")));
  EXPECT_FALSE(Warned(Post("/apis/storage.k8s.io/v1/namespaces/default/csistoragecapacities",
                           R"({"metadata": {"name": "c"}, "storageClassName": "fast"})")));
}

TEST_F(UnservedKindsTest, WhatIsServedByOthersIsNotWarnedOf) {
  const std::string ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
  const auto ingress = [](const std::string& name) {
    return R"({"metadata": {"name": ")" + name +
           R"("}, "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}})";
  };
  EXPECT_TRUE(Warned(Post(ingresses, ingress("a"))));
  ASSERT_EQ(Post("/apis/networking.k8s.io/v1/ingressclasses",
                 R"({"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/nginx"}})")
                .code,
            201);
  EXPECT_FALSE(Warned(Post(ingresses, ingress("b"))));
}

TEST_F(UnservedKindsTest, WhereNodesEnforcePoliciesNobodyIsWarned) {
  server_ = *ApiServer::Create({.authorization_modes = {"RBAC"},
                                .token_file_text = kTokens,
                                .advertise_address = "192.0.2.7",
                                .warns_of_unserved_kinds = true,
                                .network_policies_are_enforced = true},
                               {*store_, clock_, random_});
  EXPECT_FALSE(Warned(Post("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
                           R"({"metadata": {"name": "p"}, "spec": {"podSelector": {}}})")));
}

TEST_F(UnservedKindsTest, AServerAloneAnswersAsKubernetesDoes) {
  std::swap(server_, silent_);
  const auto made = Post("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
                         R"({"metadata": {"name": "p"}, "spec": {"podSelector": {}}})");
  std::swap(server_, silent_);
  EXPECT_EQ(made.code, 201);
  EXPECT_TRUE(Warnings(made).empty());
}

}  // namespace
}  // namespace skiff
