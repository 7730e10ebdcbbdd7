#include "skiff/account_rights.h"

#include <gtest/gtest.h>

#include <set>

#include "api/codec/document.h"
#include "apiserver/auth/bootstrap_rbac.h"
#include "client/manager.h"
#include "client/transport.h"
#include "controllers/program.h"

namespace skiff {
namespace {

std::string ObjectToUpdate(const std::string& account, const std::string& path) {
  return AccountRights(account).ObjectToUpdate(path).value_or("");
}

TEST(AccountRightsTest, WhoMayUpdateAndNotPatchUpdates) {
  const std::string deployment = "/apis/apps/v1/namespaces/a/deployments/d";
  EXPECT_EQ(ObjectToUpdate("deployment-controller", deployment + "/status"), deployment);
  EXPECT_EQ(ObjectToUpdate("deployment-controller", deployment), deployment);
  EXPECT_EQ(ObjectToUpdate("namespace-controller", "/api/v1/namespaces/a/status"),
            "/api/v1/namespaces/a");
  EXPECT_EQ(ObjectToUpdate("persistent-volume-binder", "/api/v1/persistentvolumes/v"),
            "/api/v1/persistentvolumes/v");
}

TEST(AccountRightsTest, WhoMayPatchPatches) {
  EXPECT_EQ(ObjectToUpdate("replicaset-controller", "/api/v1/namespaces/a/pods/p"), "");
  EXPECT_EQ(ObjectToUpdate("node-controller", "/api/v1/nodes/n/status"), "");
  EXPECT_EQ(ObjectToUpdate("generic-garbage-collector", "/apis/x.io/v1/namespaces/a/things/t"), "");
}

// The server says so, to the request as it was meant.
TEST(AccountRightsTest, WhoMayDoNeitherSendsWhatHeHas) {
  EXPECT_EQ(ObjectToUpdate("deployment-controller", "/api/v1/nodes/n"), "");
  EXPECT_EQ(ObjectToUpdate("nobody", "/api/v1/namespaces/a/pods/p"), "");
}

// Names of service accounts in kube-system with a role of Kubernetes' own.
std::set<std::string> AccountsWithRoles() {
  std::set<std::string> names;
  for (const std::string_view text : {kBootstrapControllerRoles, kBootstrapBindings}) {
    for (const Json& object : ParseBootstrapRbac(text)) {
      for (const Json& subject : ListAt(object, "subjects")) {
        if (TextAt(subject, "kind") == "ServiceAccount") names.insert(TextAt(subject, "name"));
      }
    }
  }
  return names;
}

TEST(AccountRightsTest, EveryAccountThatAControllerIsHasARole) {
  FakeClock clock;
  SeededRandom random{1};
  InProcessTransport transport([](const http::Request&) { return http::Response{.status = 503}; });
  Client client(transport, "test");
  InformerFactory informers({client, clock, random});
  std::map<std::string, std::string> accounts;  // By controller.
  Manager manager({.transport = transport,
                   .clock = clock,
                   .random = random,
                   .informers = informers,
                   .user_agent = "test",
                   .transport_of = [&](const auto& controller, const auto& account) -> Transport& {
                     accounts[controller] = account;
                     return transport;
                   }});
  ControllerOptions options;
  options.root_ca = "x";
  options.allocate_node_cidrs = true;
  options.cluster_cidrs = {"10.0.0.0/8"};
  options.sign_token = [](const Json&) { return std::string(); };
  options.controllers = {"*", "bootstrap-signer-controller", "token-cleaner-controller"};
  AddControllers(manager, options);
  EXPECT_EQ(accounts["deployment-controller"], "deployment-controller");
  EXPECT_EQ(accounts["daemonset-controller"], "daemon-set-controller");
  EXPECT_EQ(accounts["token-cleaner-controller"], "token-cleaner");
  const std::set<std::string> known = AccountsWithRoles();
  std::set<std::string> without;
  for (const auto& [controller, account] : accounts) {
    if (account.empty()) {
      without.insert(controller);
    } else {
      EXPECT_TRUE(known.contains(account)) << controller << ": " << account;
    }
  }
  EXPECT_EQ(without, (std::set<std::string>{"serviceaccount-token-controller",
                                            "unserved-kinds-controller"}));
}

}  // namespace
}  // namespace skiff
