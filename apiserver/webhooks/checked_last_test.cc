// What Kubernetes looks at in a kind's storage is the object as webhooks have left it.
#include <gtest/gtest.h>

#include "apiserver/webhooks/hook_fixture.h"
#include "base/certificates.h"

namespace skiff {
namespace {

class CheckedLastTest : public HookFixture, public http::Handler {
 protected:
  static constexpr const char* kRbac = "/apis/rbac.authorization.k8s.io/v1/";

  CheckedLastTest() { StartHook(*this); }
  ~CheckedLastTest() override { StopHook(); }

  http::Response Handle(const http::Request& request) override {
    return Says(Json::parse(request.body), {{"allowed", true},
                                            {"patchType", "JSONPatch"},
                                            {"patch", EncodeBase64(patch_)}});
  }
  // From now on everything of that resource is changed so.
  void Change(const std::string& group, const std::string& resource, const std::string& patch) {
    patch_ = patch;
    Configure("mutatingwebhookconfigurations", "m",
              {Hook("m", {{"rules", {{{"operations", {"*"}},
                                      {"apiGroups", {group}},
                                      {"apiVersions", {"v1"}},
                                      {"resources", {resource}}}}}})});
  }
  // Alice may do this, and no more.
  void Let(const std::string& rules) {
    ASSERT_EQ(Post(std::string(kRbac) + "clusterroles",
                   R"({"metadata": {"name": "maker"}, "rules": )" + rules + "}")
                  .code,
              201);
    ASSERT_EQ(Post(std::string(kRbac) + "clusterrolebindings",
                   R"({"metadata": {"name": "maker"},
                       "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                                   "name": "maker"},
                       "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User",
                                     "name": "alice"}]})")
                  .code,
              201);
  }
  std::string patch_;
};

TEST_F(CheckedLastTest, NobodyGrantsByAWebhookWhatHeDoesNotHold) {
  Let(R"([{"verbs": ["create"], "apiGroups": ["rbac.authorization.k8s.io"],
           "resources": ["roles"]}])");
  const std::string roles = std::string(kRbac) + "namespaces/default/roles";
  const auto make = [&](const std::string& name) {
    return Ask("POST", roles, R"({"metadata": {"name": ")" + name + R"("}, "rules": []})", "",
               "alice");
  };
  ASSERT_EQ(make("before").code, 201);
  Change("rbac.authorization.k8s.io", "roles",
         R"([{"op": "add", "path": "/rules", "value": [
             {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]}])");
  const auto refused = make("after");
  EXPECT_EQ(refused.code, 403);
  EXPECT_NE(refused.message().find("is attempting to grant RBAC permissions not currently held:\n"
                                   R"({APIGroups:[""], Resources:["secrets"], Verbs:["get"]})"),
            std::string::npos)
      << refused.message();
}

TEST_F(CheckedLastTest, ACertificateRequestIsOfWhoeverMakesIt) {
  Let(R"([{"verbs": ["create"], "apiGroups": ["certificates.k8s.io"],
           "resources": ["certificatesigningrequests"]}])");
  Change("certificates.k8s.io", "certificatesigningrequests",
         R"([{"op": "add", "path": "/spec/username", "value": "somebody"}])");
  const auto request = MakeCertificateRequest(NewSigningKey(KeyKind::kP256)->private_pem,
                                              {.common_name = "alice"});
  const Json object = {{"metadata", {{"name", "r"}}},
                       {"spec",
                        {{"request", EncodeBase64(*request)},
                         {"signerName", "example.com/any"},
                         {"usages", {"client auth"}}}}};
  const auto made = Ask("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests",
                        object.dump(), "", "alice");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["spec"]["username"], "alice");
}

}  // namespace
}  // namespace skiff
