// Who the server takes a request to come from: on the real server and store in memory.
#include "apiserver/auth/authentication.h"

#include <gtest/gtest.h>

#include "apiserver/server/api_server.h"
#include "apiserver/storage/rocksdb_store.h"
#include "client/bootstrap_token.h"
#include "client/client.h"
#include "client/transport.h"

namespace skiff {
namespace {

class AuthenticationTest : public testing::Test {
 protected:
  AuthenticationTest() : env_(NewMemoryDisk()) {
    store_ = *RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_);
  }
  void Start(ApiServerOptions options) {
    server_ = *ApiServer::Create(std::move(options), {*store_, clock_, random_});
  }
  http::Response Get(const std::string& path, const std::string& token = "",
                     const std::string& timeout = "") {
    http::Request request;
    if (!timeout.empty()) request.query = {{"timeout", timeout}};
    request.method = "GET";
    request.path = path;
    if (!token.empty()) request.headers.emplace("Authorization", "Bearer " + token);
    return server_->Handle(request);
  }
  // What the server says to `kubectl auth whoami`; the code when it says nothing.
  std::string WhoAmI(const std::string& token) {
    http::Request request;
    request.method = "POST";
    request.path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    request.headers.emplace("Authorization", "Bearer " + token);
    request.body = "{}";
    const auto answer = server_->Handle(request);
    if (answer.status != 201) return std::to_string(answer.status);
    const Json user = Json::parse(answer.body)["status"]["userInfo"];
    std::string text = user["username"];
    for (const auto& group : user["groups"]) text += " " + group.get<std::string>();
    return text;
  }
  // A token that lives for an hour and logs in.
  core_v1::Secret SecretOf(const std::string& token) {
    BootstrapSecret made{.token = *BootstrapToken::Parse(token)};
    made.may_authenticate = true;
    made.expiration = clock_.Now() + 1h;
    made.groups = {std::string(kDefaultNodeTokenGroup)};
    return MakeBootstrapSecret(made);
  }
  void Keep(const core_v1::Secret& secret) {
    InProcessTransport transport(
        [this](const http::Request& request) { return server_->Handle(request, LoopbackUser()); });
    const auto created = Client(transport, "test").Create(secret);
    ASSERT_TRUE(created) << created.error().message;
  }

  FakeClock clock_;
  SeededRandom random_{7};
  std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<RocksdbStore> store_;
  std::unique_ptr<ApiServer> server_;
};

TEST_F(AuthenticationTest, HealthAndVersionAreOpenToAnyoneWhateverTheMode) {
  for (const std::vector<std::string>& modes :
       {std::vector<std::string>{"AlwaysAllow"}, {"RBAC"}, {"Node", "RBAC"}}) {
    Start({.authorization_modes = modes});
    for (const char* path : {"/readyz", "/livez", "/healthz", "/version"}) {
      EXPECT_EQ(Get(path).status, 200) << modes[0] << path;
    }
    EXPECT_NE(Get("/api/v1/nodes").status, 200) << modes[0];
    EXPECT_EQ(Get("/readyz", "wrong").status, 401) << "bad credentials are never good";
  }
}

TEST_F(AuthenticationTest, WhoTurnsAnonymousOffMeansItEverywhere) {
  Start({.authorization_modes = {"AlwaysAllow"}, .anonymous_auth = false});
  EXPECT_EQ(Get("/readyz").status, 401);
}

TEST_F(AuthenticationTest, WhereAnybodyMayDoEverythingNobodyIsAnonymous) {
  Start({.authorization_modes = {"RBAC"}});
  EXPECT_EQ(Get("/api/v1/nodes").status, 403);
  for (const auto anonymous : {std::optional<bool>(), std::optional<bool>(true)}) {
    Start({.authorization_modes = {"RBAC", "AlwaysAllow"}, .anonymous_auth = anonymous});
    EXPECT_EQ(Get("/api/v1/nodes").status, 401);
    EXPECT_EQ(Get("/readyz").status, 200);
  }
}

TEST_F(AuthenticationTest, ABootstrapTokenLogsInUntilItExpires) {
  Start({.authorization_modes = {"RBAC"}, .bootstrap_token_auth = true});
  const std::string token = "abc123.0123456789abcdef";
  EXPECT_EQ(WhoAmI(token), "401");
  Keep(SecretOf(token));
  EXPECT_EQ(WhoAmI(token),
            "system:bootstrap:abc123 system:bootstrappers "
            "system:bootstrappers:kubeadm:default-node-token system:authenticated");
  EXPECT_EQ(WhoAmI("abc123.0123456789abcdee"), "401");
  clock_.Advance(1h);
  EXPECT_EQ(WhoAmI(token), "401");
}

TEST_F(AuthenticationTest, ABootstrapTokenThatIsForSigningOnlyDoesNotLogIn) {
  Start({.authorization_modes = {"RBAC"}, .bootstrap_token_auth = true});
  auto secret = SecretOf("abc123.0123456789abcdef");
  secret.data.erase("usage-bootstrap-authentication");
  Keep(secret);
  EXPECT_EQ(WhoAmI("abc123.0123456789abcdef"), "401");
}

// As in kube-apiserver, where a request has its deadline before it is looked at who asks.
TEST_F(AuthenticationTest, ATimeThatIsNoneIsRefusedBeforeAWrongToken) {
  Start({.authorization_modes = {"RBAC"}});
  EXPECT_EQ(Get("/api/v1/nodes", "wrong", "x").status, 400);
  EXPECT_EQ(Get("/api/v1/nodes", "", "x").status, 400);
  EXPECT_EQ(Get("/api/v1/nodes", "wrong", "3s").status, 401);
  EXPECT_EQ(Get("/api/v1/nodes", "", "3s").status, 403);
}

TEST_F(AuthenticationTest, WithoutTheFlagNoBootstrapTokenLogsIn) {
  Start({.authorization_modes = {"RBAC"}});
  Keep(SecretOf("abc123.0123456789abcdef"));
  EXPECT_EQ(WhoAmI("abc123.0123456789abcdef"), "401");
}

}  // namespace
}  // namespace skiff
