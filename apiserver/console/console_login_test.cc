// A link to the console, on the real server: for a certificate and for a token.
#include "apiserver/console/console_login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/auth/key_proof.h"
#include "apiserver/auth/test_proof_keys.h"
#include "apiserver/server/api_server.h"
#include "apiserver/storage/rocksdb_store.h"
#include "base/certificates.h"
#include "base/hash.h"

namespace skiff {
namespace {

using testing::HasSubstr;

class ConsoleLoginTest : public testing::Test {
 protected:
  ConsoleLoginTest() : env_(NewMemoryDisk()) {
    store_ = *RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_);
    server_ = NewServer(key_);
  }
  // Of the same store; tokens of accounts are signed by that key.
  std::unique_ptr<ApiServer> NewServer(const std::string& signing_key) {
    return *ApiServer::Create({.authorization_modes = {"RBAC"},
                               .token_file_text = "carol-token,carol,u1\n",
                               .service_account_signing_key_pem = signing_key,
                               .client_ca_pem = users_.pem().certificate_pem},
                              {*store_, clock_, random_});
  }
  http::Request Request(const std::string& method, const std::string& path,
                        const std::string& token = "") {
    http::Request request;
    request.method = method;
    request.path = request.target = path;
    if (!token.empty()) request.headers.emplace("Authorization", "Bearer " + token);
    request.headers.emplace("Content-Type", "application/json");
    return request;
  }
  // Over a connection whose client showed jane's certificate.
  http::Request AsJane(http::Request request) {
    auto peer = std::make_shared<http::PeerCertificate>();
    CertificateOrder order{.common_name = "jane", .organizations = {"dev"}};
    order.client = true;
    peer->pem = users_.Issue(order, clock_.Now())->certificate_pem;
    request.peer_certificate = std::move(peer);
    return request;
  }
  Json Answer(const http::Request& request, int status) {
    const auto answer = server_->Handle(request);
    EXPECT_EQ(answer.status, status) << answer.body;
    return Json::parse(answer.body, nullptr, false);
  }
  Json Login(const std::string& code, int status) {
    http::Request request = Request("POST", "/console/login");
    request.body = Json({{"code", code}}).dump();
    return Answer(request, status);
  }
  std::string Who(const http::Request& request) { return WhoAt(*server_, request); }
  static std::string WhoAt(ApiServer& server, http::Request request) {
    request.body = "{}";
    const auto answer = server.Handle(request);
    if (answer.status != 201) return std::to_string(answer.status);
    const Json user = Json::parse(answer.body)["status"]["userInfo"];
    return user["username"].get<std::string>() + " " + user["groups"].dump();
  }
  // What a page sends that has this key, with a certificate of it.
  Json ProofBy(const ProofKey& key, const std::string& certificate) {
    const std::string challenge = Answer(Request("POST", "/console/challenge"), 200)["challenge"];
    const std::string signature = key.Sign(SignedText(kHere, challenge), EVP_sha256());
    return {{"certificate", certificate},
            {"challenge", challenge},
            {"origin", kHere},
            {"signature", Base64Url(signature)}};
  }
  Json Send(const Json& proof, int status, const std::string& origin = kHere) {
    http::Request request = Request("POST", "/console/login");
    request.headers.emplace("Origin", origin);
    request.body = proof.dump();
    return Answer(request, status);
  }
  std::string Refusal(const Json& proof, int status, const std::string& origin = kHere) {
    return Send(proof, status, origin).value("message", "");
  }
  std::string OfJane(const ProofKey& key, const CertificateAuthority& authority,
                     Duration lifetime = 24h) {
    return key.CertificateOf(
        authority, {.common_name = "jane", .organizations = {"dev"}},
        {.not_before = clock_.Now(), .not_after = clock_.Now() + lifetime, .client = true});
  }
  static inline const std::string kHere = "https://127.0.0.1:6443";
  static constexpr char kWho[] = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

  FakeClock clock_;
  SeededRandom random_{7};
  const std::string key_ = NewSigningKey(KeyKind::kP256)->private_pem;
  const CertificateAuthority users_ = *CertificateAuthority::Create("users", clock_.Now());
  std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<RocksdbStore> store_;
  std::unique_ptr<ApiServer> server_;
};

TEST_F(ConsoleLoginTest, ACertificateLetsABrowserIntoItsNameOnce) {
  const Json link = Answer(AsJane(Request("POST", "/console/link")), 200);
  EXPECT_EQ(link["user"], "jane");
  EXPECT_EQ(link["expiresInSeconds"], 60);
  const std::string token = Login(link["code"], 200)["token"];
  EXPECT_EQ(Who(Request("POST", kWho, token)), R"(jane ["dev","system:authenticated"])");
  EXPECT_THAT(Login(link["code"], 401)["message"].get<std::string>(), HasSubstr("used already"));
  // He logs out.
  Answer(Request("DELETE", "/console/login", token), 200);
  EXPECT_EQ(Who(Request("POST", kWho, token)), "401");
}

TEST_F(ConsoleLoginTest, ATokenLetsABrowserHaveThatToken) {
  const Json link = Answer(Request("POST", "/console/link", "carol-token"), 200);
  EXPECT_EQ(link["user"], "carol");
  EXPECT_EQ(Login(link["code"], 200)["token"], "carol-token");
}

TEST_F(ConsoleLoginTest, NobodyElseGetsOne) {
  Answer(Request("POST", "/console/link"), 403);
  Answer(Request("POST", "/console/link", "wrong"), 401);
  http::Request as_root = AsJane(Request("POST", "/console/link"));
  as_root.headers.emplace("Impersonate-User", "root");
  EXPECT_THAT(Answer(as_root, 403)["message"].get<std::string>(), HasSubstr("one's own"));
  Login("guessed", 401);
  http::Request plain = Request("POST", "/console/login");
  plain.headers.erase("Content-Type");
  plain.body = R"({"code": "x"})";
  Answer(plain, 415);
  const std::string bodies[] = {"{", "[]", R"({"code": 1})", std::string(1 << 16, ' ')};
  for (const std::string& body : bodies) {
    http::Request odd = Request("POST", "/console/login");
    odd.body = body;
    Answer(odd, 400);
  }
  EXPECT_EQ(server_->Handle(Request("GET", "/console/link")).status, 404);
}

TEST_F(ConsoleLoginTest, ASessionEndsWithTheAuthorityOfItsCertificateAndNoOther) {
  const std::string link = Answer(AsJane(Request("POST", "/console/link")), 200)["code"];
  const std::string token = Login(link, 200)["token"];
  const std::string ours = users_.pem().certificate_pem;
  const std::string another =
      CertificateAuthority::Create("another", clock_.Now())->pem().certificate_pem;
  ASSERT_TRUE(server_->UseClientAuthorities("# with one more\n" + another + ours, ""));
  EXPECT_EQ(Who(Request("POST", kWho, token)), R"(jane ["dev","system:authenticated"])");
  Answer(AsJane(Request("POST", "/console/link")), 200);
  ASSERT_TRUE(server_->UseClientAuthorities(another, ""));
  EXPECT_EQ(Who(Request("POST", kWho, token)), "401");
}

TEST_F(ConsoleLoginTest, ASessionOutlivesItsServerAndIsKnownToOthers) {
  const ProofKey key("P-256");
  const Json proof = ProofBy(key, OfJane(key, users_));
  const std::string by_key = Send(proof, 200)["token"];
  const std::string link = Answer(AsJane(Request("POST", "/console/link")), 200)["code"];
  const std::string by_link = Login(link, 200)["token"];
  const std::string unused = Answer(AsJane(Request("POST", "/console/link")), 200)["code"];
  const auto elsewhere = NewServer(key_);
  server_ = NewServer(key_);
  for (const std::string& token :
       {by_key, by_link, Login(unused, 200)["token"].get<std::string>()}) {
    EXPECT_EQ(Who(Request("POST", kWho, token)).substr(0, 4), "jane");
    EXPECT_EQ(WhoAt(*elsewhere, Request("POST", kWho, token)).substr(0, 4), "jane");
  }
  Login(link, 401);
  EXPECT_THAT(Refusal(proof, 401), HasSubstr("twice"));
  Answer(Request("DELETE", "/console/login", by_link), 200);
  EXPECT_EQ(WhoAt(*elsewhere, Request("POST", kWho, by_link)), "401");
  EXPECT_EQ(WhoAt(*NewServer(key_), Request("POST", kWho, by_link)), "401") << "it stays ended";
  const auto strangers = NewServer(NewSigningKey(KeyKind::kP256)->private_pem);
  EXPECT_EQ(WhoAt(*strangers, Request("POST", kWho, by_key)), "401");
}

TEST_F(ConsoleLoginTest, ATicketThatWasForgedIsNobodys) {
  const std::string link = Answer(AsJane(Request("POST", "/console/link")), 200)["code"];
  const std::string token = Login(link, 200)["token"];
  EXPECT_EQ(Who(Request("POST", kWho, token.substr(0, token.size() - 4))), "401");
  std::string changed = token;
  changed[60] = changed[60] == 'A' ? 'B' : 'A';
  EXPECT_EQ(Who(Request("POST", kWho, changed)), "401");
  EXPECT_EQ(Who(Request("POST", kWho, "skiff-console.")), "401");
  EXPECT_EQ(Who(Request("POST", kWho, token)).substr(0, 4), "jane");
  // Nor is what it was sealed for anything else: a code, or a session to be ended by others.
  Login(token, 401);
  Answer(Request("DELETE", "/console/login", changed), 200);
  EXPECT_EQ(Who(Request("POST", kWho, token)).substr(0, 4), "jane");
}

TEST_F(ConsoleLoginTest, TheKeyOfACertificateLogsInOnceForEachChallenge) {
  for (const char* kind : {"P-256", "RSA"}) {
    const ProofKey key(kind);
    const Json proof = ProofBy(key, OfJane(key, users_));
    const std::string token = Send(proof, 200)["token"];
    EXPECT_EQ(Who(Request("POST", kWho, token)), R"(jane ["dev","system:authenticated"])") << kind;
    EXPECT_THAT(Refusal(proof, 401), HasSubstr("try again"));
    Answer(Request("DELETE", "/console/login", token), 200);
    EXPECT_EQ(Who(Request("POST", kWho, token)), "401");
  }
}

TEST_F(ConsoleLoginTest, ASessionByAKeyEndsAsOneByALinkDoes) {
  const ProofKey key("P-256");
  const std::string short_lived = Send(ProofBy(key, OfJane(key, users_, 1h)), 200)["token"];
  const std::string token = Send(ProofBy(key, OfJane(key, users_)), 200)["token"];
  clock_.Advance(1h + 1s);
  EXPECT_EQ(Who(Request("POST", kWho, short_lived)), "401") << "its certificate is over";
  EXPECT_EQ(Who(Request("POST", kWho, token)).substr(0, 4), "jane");
  const std::string another =
      CertificateAuthority::Create("another", clock_.Now())->pem().certificate_pem;
  ASSERT_TRUE(server_->UseClientAuthorities(another + users_.pem().certificate_pem, ""));
  EXPECT_EQ(Who(Request("POST", kWho, token)).substr(0, 4), "jane");
  ASSERT_TRUE(server_->UseClientAuthorities(another, ""));
  EXPECT_EQ(Who(Request("POST", kWho, token)), "401");
  EXPECT_THAT(Refusal(ProofBy(key, OfJane(key, users_)), 401), HasSubstr("another cluster"));
}

TEST_F(ConsoleLoginTest, ACertificateThatNamesNobodyHereLogsNobodyIn) {
  const ProofKey key("P-256"), other("P-256");
  const auto strangers = *CertificateAuthority::Create("strangers", clock_.Now());
  EXPECT_THAT(Refusal(ProofBy(key, OfJane(key, strangers)), 401), HasSubstr("another cluster"));
  EXPECT_THAT(Refusal(ProofBy(other, OfJane(key, users_)), 401), HasSubstr("another key"));
  const auto until = clock_.Now() + 1h;
  const std::string of_a_server =
      key.CertificateOf(users_, {.common_name = "jane"},
                        {.not_before = clock_.Now(), .not_after = until, .server = true});
  EXPECT_THAT(Refusal(ProofBy(key, of_a_server), 401), HasSubstr("for clients"));
  const std::string nameless =
      key.CertificateOf(users_, {.common_name = "", .organizations = {"dev"}},
                        {.not_before = clock_.Now(), .not_after = until, .client = true});
  EXPECT_THAT(Refusal(ProofBy(key, nameless), 401), HasSubstr("no common name"));
  const std::string over = OfJane(key, users_, 1h);
  clock_.Advance(2h);
  EXPECT_THAT(Refusal(ProofBy(key, over), 401), HasSubstr("and not now"));
}

TEST_F(ConsoleLoginTest, AProofIsOfThisChallengeAndThisOrigin) {
  const ProofKey key("P-256");
  const Json good = ProofBy(key, OfJane(key, users_));
  const auto with = [&](const char* name, const Json& value) {
    Json changed = good;
    changed[name] = value;
    return changed;
  };
  EXPECT_THAT(Refusal(good, 403, "https://evil.example"), HasSubstr("another origin"));
  EXPECT_THAT(Refusal(with("origin", "https://127.0.0.1:7443"), 401, "https://127.0.0.1:7443"),
              HasSubstr("another key"));
  const std::string newer = ProofBy(key, OfJane(key, users_))["challenge"];
  EXPECT_THAT(Refusal(with("challenge", newer), 401), HasSubstr("another key"));
  for (const Json& odd : {Json(), Json(1), Json("1.2.3")}) Refusal(with("challenge", odd), 401);
  for (const Json& odd : {Json(), Json("none")}) Refusal(with("certificate", odd), 422);
  EXPECT_THAT(Refusal(with("certificate", std::string(17 << 10, 'x')), 422), HasSubstr("16 KiB"));
  Refusal(with("certificate", std::string(25 << 10, 'x')), 400);
  std::string many;
  for (int i = 0; i < 6; ++i) many += good["certificate"].get<std::string>();
  EXPECT_THAT(Refusal(with("certificate", many), 422), HasSubstr("(5)"));
  const std::string with_key =
      good["certificate"].get<std::string>() +
      "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
  EXPECT_THAT(Refusal(with("certificate", with_key), 422), HasSubstr("private key"));
  Refusal(with("signature", "!"), 400);
  Refusal(with("signature", 1), 401);
  http::Request as_root = Request("POST", "/console/login");
  as_root.headers.emplace("Impersonate-User", "root");
  as_root.body = good.dump();
  Answer(as_root, 403);
  Send(good, 200);
  const Json late = ProofBy(key, OfJane(key, users_));
  clock_.Advance(60s);
  EXPECT_THAT(Refusal(late, 401), HasSubstr("longer than a minute"));
}

TEST_F(ConsoleLoginTest, APageOfAnotherSiteHasNoPartOfTheCertificate) {
  const auto evil = [&](http::Request request) {
    request.headers.emplace("Sec-Fetch-Site", "cross-site");
    request.headers.emplace("Sec-Fetch-Mode", "no-cors");
    return request;
  };
  Answer(evil(AsJane(Request("POST", "/console/link"))), 403);
  Answer(evil(Request("POST", "/console/challenge")), 403);
  const Json refused = Answer(evil(AsJane(Request("POST", kWho))), 403);
  EXPECT_THAT(refused["message"].get<std::string>(), HasSubstr("another site"));
  // A token is no browser's: whoever sends it has it.
  EXPECT_EQ(Who(evil(AsJane(Request("POST", kWho, "carol-token")))).substr(0, 5), "carol");
  EXPECT_EQ(Who(AsJane(Request("POST", kWho))).substr(0, 4), "jane");
}

}  // namespace
}  // namespace skiff
