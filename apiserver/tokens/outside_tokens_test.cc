// Issuers that come, go, change their keys and mean harm, as users of the server see it.
#include "apiserver/tokens/outside_tokens.h"

#include <gtest/gtest.h>

#include "apiserver/tokens/outside_fixture.h"

namespace skiff {
namespace {

class IssuersTest : public OutsideFixture {
 protected:
  const TokenKey key_ = NewKey(), other_ = NewKey();
};

TEST_F(IssuersTest, TheirTokensNameUsersOnceTheirKeysAreKnown) {
  ShowIssuer("a", {key_});
  StartServerWith(FileOf({"a"}));
  const std::string token = TokenOf("a", key_);
  EXPECT_TRUE(Until([&] { return Who(token) == "a:me"; }));
  EXPECT_EQ(Who(TokenOf("a", other_)), "401");
  EXPECT_EQ(Who(TokenOf("b", key_)), "401");
  EXPECT_EQ(Who("admin"), "admin");
  const Answer review = Review(token);
  EXPECT_EQ(review.body["status"]["userInfo"]["groups"], Json({"system:authenticated"}));
  const Answer asked = Post("/apis/authentication.k8s.io/v1/tokenreviews",
                            Json{{"spec", {{"token", token}}}}.dump());
  EXPECT_EQ(asked.body["status"]["user"]["username"], "a:me") << asked.body;
}

TEST_F(IssuersTest, OneThatIsNotThereAtTheStartIsAskedAgain) {
  StopListening();
  StartServerWith(FileOf({"a"}));
  const std::string token = TokenOf("a", key_);
  EXPECT_EQ(Who(token), "401");
  EXPECT_EQ(Who("admin"), "admin");
  ShowIssuer("a", {key_});
  Listen(port_);
  EXPECT_EQ(Who(token), "401");
  clock_.Advance(IssuerKeys::kRetry);
  EXPECT_TRUE(Until([&] { return Who(token) == "a:me"; }));
}

TEST_F(IssuersTest, ANewKeyIsLearntByTheFirstTokenOfIt) {
  ShowIssuer("a", {key_});
  StartServerWith(FileOf({"a"}));
  EXPECT_TRUE(Until([&] { return Who(TokenOf("a", key_)) == "a:me"; }));
  ShowIssuer("a", {other_});
  clock_.Advance(IssuerKeys::kPause);
  EXPECT_EQ(Who(TokenOf("a", other_)), "a:me");
  EXPECT_EQ(Who(TokenOf("a", key_, "later")), "401");
}

TEST_F(IssuersTest, UnknownKeysAreAskedForSeldom) {
  ShowIssuer("a", {key_});
  StartServerWith(FileOf({"a"}));
  EXPECT_TRUE(Until([&] { return Who(TokenOf("a", key_)) == "a:me"; }));
  clock_.Advance(IssuerKeys::kPause);
  const int before = Asked("/a/keys");
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Who(TokenOf("a", other_, "me" + std::to_string(i))), "401");
  }
  EXPECT_EQ(Asked("/a/keys"), before + 1);
  clock_.Advance(IssuerKeys::kRefresh);
  EXPECT_TRUE(Until([&] { return Asked("/a/keys") == before + 2; }));
}

TEST_F(IssuersTest, OneOfAnotherAuthorityIsNotBelieved) {
  ShowIssuer("a", {key_});
  const http::testing::TestAuthority elsewhere("elsewhere");
  StartServerWith(FileOf({"a"}, elsewhere.certificate_pem()));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Who(TokenOf("a", key_)), "401");
    clock_.Advance(IssuerKeys::kRetry);
  }
  EXPECT_EQ(Asked("/a/keys"), 0);
}

TEST_F(IssuersTest, WhatIsNoKeySetLeavesTheKeysAsTheyWere) {
  ShowIssuer("a", {key_});
  StartServerWith(FileOf({"a"}));
  EXPECT_TRUE(Until([&] { return Who(TokenOf("a", key_)) == "a:me"; }));
  const Json many(std::vector<Json>(1000, key_.Jwk()));
  for (const std::string& text :
       {std::string(2 << 20, ' '), "{\"keys\": \"" + std::string(5 << 20, 'x') + "\"}",
        Json{{"keys", many}}.dump(), std::string(100'000, '['), std::string("no keys"),
        std::string()}) {
    ShowText("/a/keys", text);
    clock_.Advance(IssuerKeys::kPause);
    EXPECT_EQ(Who(TokenOf("a", other_)), "401");
    EXPECT_EQ(Who(TokenOf("a", key_, "x" + std::to_string(text.size()))),
              "a:x" + std::to_string(text.size()));
  }
  ShowIssuer("a", {other_});
  clock_.Advance(IssuerKeys::kPause);
  EXPECT_EQ(Who(TokenOf("a", other_)), "a:me");
}

TEST_F(IssuersTest, WhoWaitsForASlowOneHoldsNobodyElse) {
  ShowIssuer("a", {key_});
  StartServerWith(FileOf({"a"}));
  EXPECT_TRUE(Until([&] { return Who(TokenOf("a", key_)) == "a:me"; }));
  std::promise<void> go;
  const auto gone = go.get_future().share();
  Show("/a/keys", [gone](const http::Request&) {
    gone.wait();
    return http::Response();
  });
  clock_.Advance(IssuerKeys::kPause);
  auto slow = std::async(std::launch::async, [&] { return Review(TokenOf("a", other_)); });
  EXPECT_TRUE(Until([&] { return Asked("/a/keys") == 2; }));
  EXPECT_EQ(Who("admin"), "admin");
  EXPECT_EQ(Who(TokenOf("a", key_, "another")), "a:another");
  // On a worker alone, without anybody's help, those are answered.
  EXPECT_EQ(NameIn(Review("alice")), "alice");
  EXPECT_EQ(slow.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  clock_.Advance(IssuerKeys::kTimeMax);
  EXPECT_TRUE(
      Until([&] { return slow.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  EXPECT_EQ(slow.get().code, 401);
  go.set_value();
}

TEST_F(IssuersTest, WhoWasOfOneThatIsTakenAwayIsRefusedAtOnce) {
  ShowIssuer("a", {key_});
  ShowIssuer("b", {other_});
  StartServerWith(FileOf({"a", "b"}));
  EXPECT_TRUE(Until([&] { return Who(TokenOf("a", key_)) == "a:me"; }));
  EXPECT_TRUE(Until([&] { return Who(TokenOf("b", other_)) == "b:me"; }));
  ASSERT_TRUE(server_->UseAuthenticationConfiguration(FileOf({"b"})));
  EXPECT_TRUE(Until([&] { return Who(TokenOf("a", key_)) == "401"; }));
  EXPECT_EQ(Who(TokenOf("b", other_)), "b:me");
  const std::string metrics = Get("/metrics").response.body;
  EXPECT_NE(metrics.find("apiserver_authentication_config_controller_automatic_reloads_total{"
                         "status=\"success\""),
            std::string::npos);
  EXPECT_NE(metrics.find("apiserver_authentication_jwt_authenticator_latency_seconds_count{"
                         "result=\"success\""),
            std::string::npos);
}

TEST_F(IssuersTest, AFileThatCannotBeTakenChangesNothing) {
  ShowIssuer("a", {key_});
  StartServerWith(FileOf({"a"}));
  EXPECT_TRUE(Until([&] { return Who(TokenOf("a", key_)) == "a:me"; }));
  EXPECT_FALSE(server_->UseAuthenticationConfiguration("kind: Nothing\n"));
  Json anonymous = Json::parse(FileOf({"a"}));
  anonymous["anonymous"] = {{"enabled", true}};
  EXPECT_FALSE(server_->UseAuthenticationConfiguration(anonymous.dump()));
  // Whose issuers nobody has reached yet.
  EXPECT_TRUE(server_->UseAuthenticationConfiguration(FileOf({"a", "nobody"})));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Who(TokenOf("a", key_)), "a:me");
    clock_.Advance(IssuerKeys::kRetry);
  }
  EXPECT_NE(Get("/metrics").response.body.find("automatic_reloads_total{status=\"failure\""),
            std::string::npos);
  ShowIssuer("nobody", {other_});
  // A question may be under way, which this clock has be over.
  EXPECT_TRUE(Until([&] {
    clock_.Advance(1s);
    return Who(TokenOf("nobody", other_)) == "nobody:me";
  }));
}

TEST_F(IssuersTest, AnonymousIsWhoAsksForWhatTheFileNames) {
  Json file = Json::parse(FileOf({}));
  file["anonymous"] = {{"enabled", true}, {"conditions", {{{"path", "/livez"}}}}};
  StartServerWith(file.dump());
  EXPECT_EQ(Ask({.path = "/livez", .token = ""}).code, 200);
  EXPECT_EQ(Ask({.path = "/readyz", .token = ""}).code, 401);
}

}  // namespace
}  // namespace skiff
