// This server behind another one of its own kind: what the one in front says of who asks is
// believed because of its certificate, and its rights are looked at here again.
#include "apiserver/aggregation/aggregation_fixture.h"

namespace skiff {
namespace {

class ChainedServersTest : public AggregationFixture {
 protected:
  ChainedServersTest() : far_env_(NewMemoryDisk()) {
    far_store_ = *RocksdbStore::Open({.path = "/far", .env = far_env_.get()}, system_clock_);
    FrontProxyOptions believes{.client_ca_pem = proxies_.certificate_pem(),
                               .allowed_names = {"front-proxy-client"},
                               .username_headers = {"X-Remote-User"},
                               .uid_headers = {"X-Remote-Uid"},
                               .group_headers = {"X-Remote-Group"},
                               .extra_header_prefixes = {"X-Remote-Extra-"}};
    const auto client = proxies_.Issue({.common_name = "front-proxy-client"});
    far_ = *ApiServer::Create({.authorization_modes = {"RBAC"},
                               .front_proxy = believes,
                               .proxy_client_certificate_pem = client.certificate_pem,
                               .proxy_client_key_pem = client.key_pem},
                              {*far_store_, system_clock_, random_, nullptr, {}, {}, &loops_});
    for (ControlLoop* loop : far_->loops()) threads_.Add(*loop);
    StartBackend(*far_);
  }
  ~ChainedServersTest() override {
    backend_ = nullptr;
    far_->EndCalls();
    for (ControlLoop* loop : far_->loops()) threads_.Remove(*loop);
  }
  int AtFar(const std::string& path, const std::string& body, const std::string& method = "POST") {
    http::Request request;
    request.method = method;
    request.path = path;
    request.target = path;
    request.body = body;
    if (method == "PATCH") request.headers.emplace("Content-Type", "application/merge-patch+json");
    return far_->Handle(request, LoopbackUser()).status;
  }

  std::shared_ptr<rocksdb::Env> far_env_;
  std::unique_ptr<RocksdbStore> far_store_;
  std::unique_ptr<ApiServer> far_;
};

constexpr const char* kFlunderDefinition = R"({"metadata": {"name": "flunders.wardle.example.com"},
    "spec": {"group": "wardle.example.com", "scope": "Cluster",
    "names": {"plural": "flunders", "kind": "Flunder"},
    "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
        {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})";

TEST_F(ChainedServersTest, TheOneBehindBelievesAndJudgesByItself) {
  ASSERT_EQ(AtFar("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kFlunderDefinition),
            201);
  ASSERT_EQ(AtFar("/apis/rbac.authorization.k8s.io/v1/clusterroles",
                  R"({"metadata": {"name": "see"}, "rules": [{"apiGroups": ["wardle.example.com"],
                      "resources": ["flunders"], "verbs": ["list"]}]})"),
            201);
  ASSERT_EQ(AtFar("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                  R"({"metadata": {"name": "see"}, "subjects": [{"kind": "Group", "name": "dev",
                      "apiGroup": "rbac.authorization.k8s.io"}], "roleRef": {"kind": "ClusterRole",
                      "name": "see", "apiGroup": "rbac.authorization.k8s.io"}})"),
            201);
  LetAliceDoAll();
  Serve();
  const std::string flunders = std::string(kVersion) + "/flunders";
  http::testing::TestClient client(front_->port());
  const std::string body = R"({"apiVersion": "wardle.example.com/v1", "kind": "Flunder",
                               "metadata": {"name": "f"}})";
  const auto made = client.Ask(TextOf("POST", flunders, "admin",
                                      "Content-Type: application/json\r\nContent-Length: " +
                                          std::to_string(body.size()) + "\r\n") +
                               body);
  EXPECT_EQ(made.status(), 201) << made.body;
  const auto list = client.Ask(TextOf("GET", flunders, "alice"));
  EXPECT_EQ(list.status(), 200) << list.body;
  EXPECT_NE(list.body.find("\"FlunderList\""), std::string::npos);
  const auto refused = client.Ask(TextOf("DELETE", flunders + "/f", "alice"));
  EXPECT_EQ(refused.status(), 403) << "in front she may, there she may not";
  EXPECT_NE(refused.body.find("User \\\"alice\\\""), std::string::npos) << refused.body;
  ASSERT_TRUE(client.Send(TextOf("GET", flunders + "?watch=1", "admin")));
  EXPECT_EQ(client.ReadHead().status, 200);
  EXPECT_NE(client.ReadChunk().find("\"ADDED\""), std::string::npos);
}

// Whatever leads it back to itself, and whoever says that this is available.
TEST_F(ChainedServersTest, ARequestThatComesBackIsRefused) {
  ASSERT_EQ(AtFar("/api/v1/namespaces/default/services",
                  R"({"metadata": {"name": "agg"},
                      "spec": {"type": "ExternalName", "externalName": "localhost"}})"),
            201);
  ASSERT_EQ(AtFar(kApiServices, Json{{"metadata", {{"name", kName}}}, {"spec", Spec()}}.dump()),
            201);
  ASSERT_EQ(AtFar("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                  R"({"metadata": {"name": "all"}, "subjects": [{"kind": "Group", "name": "dev",
                      "apiGroup": "rbac.authorization.k8s.io"}], "roleRef": {"kind": "ClusterRole",
                      "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"}})"),
            201);
  LetAliceDoAll();
  MakeService();
  ASSERT_EQ(Register().code, 201);
  const std::string status = std::string(kApiServices) + "/" + kName + "/status";
  const std::string available = R"({"status": {"conditions": [
      {"type": "Available", "status": "True", "reason": "Mine", "message": "m"}]}})";
  // Until they look by themselves they believe that.
  EXPECT_TRUE(Eventually([&] {
    AtFar(status, available, "PATCH");
    Merge(status, available);
    http::testing::TestClient client(front_->port());
    const auto answer = client.Ask(TextOf("GET", std::string(kVersion) + "/flunders", "alice"));
    EXPECT_NE(answer.status(), 429) << "it went on until there was no place left";
    return answer.status() == 503 &&
           answer.body == "error trying to reach service: it leads back to this server\n";
  }));
}

}  // namespace
}  // namespace skiff
