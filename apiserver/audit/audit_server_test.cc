// What the real server tells of requests.
#include <gtest/gtest.h>

#include "apiserver/audit/audit_test_log.h"
#include "apiserver/auth/key_proof.h"
#include "apiserver/auth/test_proof_keys.h"
#include "apiserver/server/server_fixture.h"
#include "base/hash.h"

namespace skiff {
namespace {

class AuditServerTest : public ServerFixture {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  // From now on; only of what clients of their own ask.
  void Tell(const std::string& rules, const std::string& more = "", bool is_legacy = false) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    AuditOptions options =
        log_.Options("[{level: None, users: ['system:apiserver']}, " + rules + "]", more);
    options.is_legacy = is_legacy;
    auto server = ApiServer::Create({.authorization_modes = {"Node", "RBAC"},
                                     .anonymous_auth = false,
                                     .token_file_text = kTokens,
                                     .advertise_address = "192.0.2.7",
                                     .client_ca_pem = users_.pem().certificate_pem,
                                     .audit = options},
                                    {*store_, clock_, random_});
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  std::vector<Json> EventsOf(const std::string& path) {
    Settle();
    return log_.EventsOf(path);
  }
  static std::vector<std::string> StagesOf(const std::vector<Json>& events) {
    std::vector<std::string> stages;
    for (const Json& event : events) stages.push_back(event["stage"]);
    return stages;
  }
  // To the console, by a key whose certificate names jane.
  Question LoginByKey() {
    const auto json = [](std::string path, const Json& body) {
      return Question{.method = "POST",
                      .path = std::move(path),
                      .body = body.dump(),
                      .type = "application/json",
                      .token = ""};
    };
    const ProofKey key("P-256");
    const std::string certificate = key.CertificateOf(
        users_, {.common_name = "jane"},
        {.not_before = clock_.Now(), .not_after = clock_.Now() + 1h, .client = true});
    const std::string challenge = Ask(json("/console/challenge", Json::object())).body["challenge"];
    const std::string signature = key.Sign(SignedText("https://here", challenge), EVP_sha256());
    return json("/console/login", {{"certificate", certificate},
                                   {"challenge", challenge},
                                   {"origin", "https://here"},
                                   {"signature", Base64Url(signature)}});
  }
  using Texts = std::vector<std::string>;

  AuditTestLog log_;
  const CertificateAuthority users_ = *CertificateAuthority::Create("users", clock_.Now());
};

TEST_F(AuditServerTest, ARequestIsToldWhenItComesAndWhenItIsAnswered) {
  Tell("{level: Metadata}");
  ASSERT_EQ(Ask({.method = "POST",
                 .path = std::string(kMaps) + "?fieldManager=me",
                 .body = R"({"metadata": {"name": "m"}, "data": {"secret": "x"}})",
                 .headers = {{"User-Agent", "tool/1"},
                             {"X-Forwarded-For", "192.0.2.1, x, 2001:DB8::1"},
                             {"Audit-Id", "my-id"}},
                 .from = "198.51.100.7"})
                .code,
            201);
  const auto events = EventsOf(kMaps);
  ASSERT_EQ(StagesOf(events), Texts({"RequestReceived", "ResponseComplete"}));
  const Json& event = events[1];
  EXPECT_EQ(event["kind"], "Event");
  EXPECT_EQ(event["apiVersion"], "audit.k8s.io/v1");
  EXPECT_EQ(event["level"], "Metadata");
  EXPECT_EQ(event["auditID"], "my-id");
  EXPECT_EQ(events[0]["auditID"], "my-id");
  EXPECT_EQ(event["requestURI"], std::string(kMaps) + "?fieldManager=me");
  EXPECT_EQ(event["verb"], "create");
  EXPECT_EQ(event["user"]["username"], "admin");
  EXPECT_EQ(event["user"]["uid"], "u1");
  EXPECT_EQ(event["user"]["groups"], Json({"system:masters", "system:authenticated"}));
  EXPECT_EQ(event["sourceIPs"], Json({"192.0.2.1", "2001:db8::1", "198.51.100.7"}));
  EXPECT_EQ(event["userAgent"], "tool/1");
  EXPECT_EQ(event["objectRef"], Json({{"resource", "configmaps"},
                                      {"namespace", "default"},
                                      {"name", "m"},
                                      {"apiVersion", "v1"}}))
      << "the name is the body's";
  EXPECT_FALSE(events[0]["objectRef"].contains("name"));
  EXPECT_EQ(event["responseStatus"], Json({{"metadata", Json::object()}, {"code", 201}}));
  EXPECT_FALSE(events[0].contains("responseStatus"));
  EXPECT_FALSE(event.contains("requestObject"));
  EXPECT_EQ(event["annotations"]["authorization.k8s.io/decision"], "allow");
  EXPECT_EQ(event["annotations"]["authorization.k8s.io/reason"], "");
  EXPECT_EQ(log_.Text().find("secret"), std::string::npos);
}

TEST_F(AuditServerTest, AWriteThatNobodyWaitsForIsToldAsAnyOther) {
  Tell("{level: Metadata}");
  User part = LoopbackUser();
  part.name = "part";
  http::Request request;
  request.method = "POST";
  request.target = request.path = kMaps;
  request.body = R"({"metadata": {"name": "m"}})";
  const auto reply = std::make_shared<AwaitedReply>();
  ASSERT_FALSE(server_->HandleLater(request, part, reply)) << "answered at once";
  ASSERT_EQ(reply->Await().status, 201);
  const auto events = EventsOf(kMaps);
  ASSERT_EQ(StagesOf(events), Texts({"RequestReceived", "ResponseComplete"}));
  EXPECT_EQ(events[1]["user"]["username"], "part");
  EXPECT_EQ(events[1]["responseStatus"]["code"], 201);
}

TEST_F(AuditServerTest, TheMembersOfALineStandInTheirOrder) {
  Tell("{level: Metadata}");
  Get("/version");
  Settle();
  const std::string text = log_.Text();
  size_t at = 0;
  for (const char* member :
       {"{\"kind\":\"Event\"", "\"apiVersion\":", "\"level\":", "\"auditID\":", "\"stage\":",
        "\"requestURI\":\"/version\"", "\"verb\":\"get\"", "\"user\":",
        "\"requestReceivedTimestamp\":", "\"stageTimestamp\":"}) {
    const size_t found = text.find(member, at);
    ASSERT_NE(found, std::string::npos) << member << " in " << text;
    at = found;
  }
}

TEST_F(AuditServerTest, LoginsOfTheConsoleAreToldWithoutTheirSecrets) {
  Tell("{level: RequestResponse}");
  const auto json = [](std::string path, std::string body) {
    return Question{.method = "POST",
                    .path = std::move(path),
                    .body = std::move(body),
                    .headers = {{"Content-Type", "application/json"}}};
  };
  const auto link = Ask(json("/console/link", ""));
  ASSERT_EQ(link.code, 200) << link.body;
  const std::string code = link.body["code"];
  Question login = json("/console/login", Json{{"code", code}}.dump());
  login.token.clear();
  const auto logged_in = Ask(login);
  ASSERT_EQ(logged_in.code, 200) << logged_in.body;
  ASSERT_EQ(Ask(login).code, 401) << "once";
  const auto links = EventsOf("/console/link");
  ASSERT_EQ(StagesOf(links), Texts({"RequestReceived", "ResponseComplete"}));
  EXPECT_EQ(links[1]["user"]["username"], "admin");
  EXPECT_EQ(links[1]["verb"], "post");
  EXPECT_EQ(links[1]["responseStatus"]["code"], 200);
  const auto logins = EventsOf("/console/login");
  ASSERT_EQ(logins.size(), 4u);
  EXPECT_EQ(logins[1]["user"]["username"], "system:anonymous");
  EXPECT_EQ(logins[3]["responseStatus"]["code"], 401);
  EXPECT_EQ(log_.Text().find(code), std::string::npos);
  // The token is that of who made the link.
  EXPECT_FALSE(logins[1].contains("responseObject")) << logins[1];
}

TEST_F(AuditServerTest, WhoLogsInToTheConsoleByAKeyIsNamed) {
  Tell("{level: RequestResponse}");
  const Question login = LoginByKey();
  const auto logged_in = Ask(login);
  ASSERT_EQ(logged_in.code, 200) << logged_in.body;
  ASSERT_EQ(Ask(login).code, 401) << "once";
  Question wrong = LoginByKey();
  wrong.body.replace(wrong.body.find("https://here"), 12, "https://evil");
  ASSERT_EQ(Ask(wrong).code, 401);
  const auto events = EventsOf("/console/login");
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events[1]["annotations"]["console.skiff.io/user"], "jane");
  EXPECT_EQ(events[1]["user"]["username"], "system:anonymous");
  EXPECT_EQ(events[3]["annotations"]["console.skiff.io/user"], "jane") << "he has the key";
  EXPECT_FALSE(events[5].value("annotations", Json::object()).contains("console.skiff.io/user"));
  EXPECT_EQ(log_.Text().find(logged_in.body["token"]), std::string::npos);
}

TEST_F(AuditServerTest, LevelsSayWhichObjectsAreTold) {
  Tell("{level: Request, verbs: [create]}, {level: RequestResponse, verbs: [patch, get]}",
       "omitManagedFields: true");
  const std::string path = std::string(kMaps) + "/m";
  ASSERT_EQ(Post(kMaps, "{\n \"metadata\": {\"name\": \"m\"},\n \"data\": {\"a\": \"b c\"}}").code,
            201);
  ASSERT_EQ(Merge(path, R"({"data": {"a": "d"}})").code, 200);
  ASSERT_EQ(Get(path).code, 200);
  const auto created = EventsOf(kMaps);
  ASSERT_EQ(created.size(), 2u);
  EXPECT_FALSE(created[0].contains("requestObject"));
  EXPECT_EQ(created[1]["requestObject"],
            Json({{"metadata", {{"name", "m"}}}, {"data", {{"a", "b c"}}}}));
  EXPECT_FALSE(created[1].contains("responseObject"));
  const auto others = EventsOf(path);
  ASSERT_EQ(others.size(), 4u);
  EXPECT_EQ(others[1]["requestObject"], Json({{"data", {{"a", "d"}}}}));
  EXPECT_EQ(others[1]["responseObject"]["data"]["a"], "d");
  EXPECT_EQ(others[1]["responseObject"]["metadata"]["name"], "m");
  EXPECT_FALSE(others[1]["responseObject"]["metadata"].contains("managedFields"));
  EXPECT_EQ(others[3]["responseObject"]["kind"], "ConfigMap");
  EXPECT_FALSE(others[3].contains("requestObject"));
}

TEST_F(AuditServerTest, ManagedFieldsAreToldUnlessThePolicySaysNo) {
  Tell("{level: RequestResponse}");
  ASSERT_EQ(Post(kMaps, R"({"metadata": {"name": "m"}, "data": {"a": "b"}})").code, 201);
  const auto events = EventsOf(kMaps);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(events[1]["responseObject"]["metadata"].contains("managedFields"));
}

TEST_F(AuditServerTest, WhoeverIsRefusedIsToldOfWithTheStatus) {
  Tell("{level: RequestResponse}");
  const std::string path = std::string(kMaps) + "/m";
  EXPECT_EQ(Ask("PATCH", path, R"({"data": {"a": "b"}})", "application/merge-patch+json", "alice")
                .code,
            403);
  const auto events = EventsOf(path);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1]["responseStatus"]["code"], 403);
  EXPECT_EQ(events[1]["responseStatus"]["reason"], "Forbidden");
  EXPECT_EQ(events[1]["annotations"]["authorization.k8s.io/decision"], "forbid");
  EXPECT_FALSE(events[1].contains("requestObject")) << "nobody looked at it";
  EXPECT_FALSE(events[1].contains("responseObject"));
  EXPECT_EQ(Get(path).code, 404);
  EXPECT_EQ(EventsOf(path).back()["responseStatus"]["message"], "configmaps \"m\" not found");
}

TEST_F(AuditServerTest, WhoeverIsNobodyIsToldOfOnce) {
  Tell("{level: Metadata}");
  EXPECT_EQ(Ask("GET", kMaps, "", "", "wrong").code, 401);
  EXPECT_EQ(Ask("GET", kMaps, "", "", "").code, 401);
  const auto events = EventsOf(kMaps);
  ASSERT_EQ(StagesOf(events), Texts({"ResponseStarted", "ResponseStarted"}));
  EXPECT_EQ(events[0]["user"], Json::object());
  EXPECT_EQ(events[0]["responseStatus"]["code"], 401);
  EXPECT_EQ(events[0]["responseStatus"]["message"], "Authentication failed, attempted: bearer");
  EXPECT_EQ(events[1]["responseStatus"]["message"],
            "Authentication failed, no credentials provided");
}

TEST_F(AuditServerTest, WhoeverIsSomebodyElseIsToldOfAsBoth) {
  Tell("{level: Metadata, users: [admin]}");
  EXPECT_EQ(Ask({.path = kMaps, .headers = {{"Impersonate-User", "alice"}}}).code, 403);
  const auto events = EventsOf(kMaps);
  ASSERT_EQ(events.size(), 2u) << "the policy goes by who asks";
  EXPECT_EQ(events[1]["user"]["username"], "admin");
  EXPECT_EQ(events[1]["impersonatedUser"]["username"], "alice");
}

TEST_F(AuditServerTest, AWatchIsToldWhenItBeginsAndWhenItEnds) {
  Tell("{level: Metadata, verbs: [watch]}");
  auto watch = Get(std::string(kMaps) + "?watch=true&resourceVersion=1");
  ASSERT_EQ(watch.code, 200);
  EXPECT_EQ(StagesOf(EventsOf(kMaps)), Texts({"RequestReceived", "ResponseStarted"}));
  watch.response.stream = nullptr;
  const auto events = EventsOf(kMaps);
  ASSERT_EQ(StagesOf(events), Texts({"RequestReceived", "ResponseStarted", "ResponseComplete"}));
  EXPECT_EQ(events[2]["responseStatus"]["code"], 200);
}

TEST_F(AuditServerTest, ARequestForADeprecatedKindIsToldAsOne) {
  Tell("{level: Metadata}");
  const std::string endpoints = "/api/v1/namespaces/default/endpoints";
  Get(endpoints);
  Get(kMaps);
  EXPECT_EQ(EventsOf(endpoints).back()["annotations"]["k8s.io/deprecated"], "true");
  EXPECT_FALSE(EventsOf(kMaps).back()["annotations"].contains("k8s.io/deprecated"));
}

TEST_F(AuditServerTest, AnIssuedTokenIsToldByWhatItsUsersAreToldBy) {
  Tell("{level: Metadata}");
  const std::string path = "/api/v1/namespaces/default/serviceaccounts/default/token";
  const auto issued = Post(path, R"({"spec": {}})");
  ASSERT_EQ(issued.code, 201) << issued.message();
  Ask({.path = "/version", .token = issued.body["status"]["token"]});
  const Json notes = EventsOf(path).back()["annotations"];
  const Json user = EventsOf("/version").back()["user"];
  EXPECT_EQ(notes["authentication.kubernetes.io/issued-credential-id"],
            user["extra"]["authentication.kubernetes.io/credential-id"][0]);
}

TEST_F(AuditServerTest, WhoNeverReadsANewerTokenIsFound) {
  Tell("{level: Metadata}");
  ASSERT_EQ(Post("/api/v1/namespaces/default/pods", R"({"metadata": {"name": "p"}, "spec":
      {"containers": [{"name": "c", "image": "i"}]}})")
                .code,
            201);
  const auto issued = Post("/api/v1/namespaces/default/serviceaccounts/default/token",
                           R"({"spec": {"expirationSeconds": 3607, "boundObjectRef":
      {"apiVersion": "v1", "kind": "Pod", "name": "p"}}})");
  ASSERT_EQ(issued.code, 201) << issued.message();
  const std::string token = issued.body["status"]["token"];
  const std::string key = "authentication.k8s.io/stale-token";
  Ask({.path = "/version", .token = token});
  EXPECT_FALSE(EventsOf("/version").back()["annotations"].contains(key));
  clock_.Advance(3617s);
  ASSERT_EQ(Ask({.path = "/version", .token = token}).code, 200);
  EXPECT_EQ(EventsOf("/version").back()["annotations"][key],
            "subject: system:serviceaccount:default:default, seconds after warning threshold: 10");
}

TEST_F(AuditServerTest, StagesThatAreOmittedAreNotTold) {
  Tell("{level: Metadata}", "omitStages: [RequestReceived]");
  Get(kMaps);
  EXPECT_EQ(StagesOf(EventsOf(kMaps)), Texts({"ResponseComplete"}));
}

TEST_F(AuditServerTest, PodSecurityPutsDownWhatItEnforcesAndWhatItOnlySees) {
  Tell("{level: Metadata}");
  ASSERT_EQ(Merge("/api/v1/namespaces/default",
                  R"({"metadata": {"labels": {"pod-security.kubernetes.io/audit": "baseline"}}})")
                .code,
            200);
  ASSERT_EQ(Post("/api/v1/namespaces/default/pods",
                 R"({"metadata": {"name": "p"}, "spec": {"hostNetwork": true,
                     "containers": [{"name": "c", "image": "i"}]}})")
                .code,
            201);
  const auto events = EventsOf("/api/v1/namespaces/default/pods");
  ASSERT_EQ(events.size(), 2u);
  const Json& notes = events[1]["annotations"];
  EXPECT_EQ(notes["pod-security.kubernetes.io/enforce-policy"], "privileged:latest");
  const std::string seen = notes["pod-security.kubernetes.io/audit-violations"];
  EXPECT_TRUE(seen.starts_with("would violate PodSecurity \"baseline:latest\": host namespaces"))
      << seen;
}

TEST_F(AuditServerTest, TheOldFormatIsALineAStage) {
  Tell("{level: Metadata}", "", /*is_legacy=*/true);
  Ask({.path = "/version", .headers = {{"Audit-Id", "i"}}, .from = "198.51.100.7"});
  Settle();
  const std::string text = log_.Text();
  EXPECT_NE(text.find(" AUDIT: id=\"i\" stage=\"ResponseComplete\" ip=\"198.51.100.7\" "
                      "method=\"get\" user=\"admin\" groups=\"\\\"system:masters\\\","
                      "\\\"system:authenticated\\\"\" as=\"<self>\" asgroups=\"<lookup>\" "
                      "user-agent=\"\" namespace=\"<none>\" uri=\"/version\" response=\"200\"\n"),
            std::string::npos)
      << text;
}

TEST_F(AuditServerTest, WhatIsNoTextDoesNotMakeTheLineOneThatNobodyReads) {
  Tell("{level: Metadata}");
  const std::string agent = std::string(1023, 'x') + "\xc3\xa9";  // Cut in its last character.
  Ask({.path = "/version", .headers = {{"User-Agent", agent}, {"Audit-Id", "z\xff"}}});
  const auto events = EventsOf("/version");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1]["auditID"], "z\xef\xbf\xbd");
  const std::string id(1000, 'i');
  Ask({.path = "/version", .headers = {{"Audit-Id", id}}});
  EXPECT_NE(EventsOf("/version").back()["auditID"], id);
}

}  // namespace
}  // namespace skiff
