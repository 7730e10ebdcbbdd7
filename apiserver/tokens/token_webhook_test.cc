// A webhook that knows tokens, or hangs, as users of the server see it.
#include "apiserver/tokens/token_webhook.h"

#include <gtest/gtest.h>

#include "apiserver/tokens/outside_fixture.h"

namespace skiff {
namespace {

class TokenWebhookTest : public OutsideFixture {
 protected:
  TokenWebhookTest() {
    // It may come to that when the test is over.
    Show("/review", [gone = gone_](const http::Request& request) {
      const Json review = Json::parse(request.body);
      const std::string token = review["spec"]["token"];
      http::Response response;
      response.content_type = "application/json";
      if (token == "hangs") gone.wait();
      if (token == "fails") response.status = 403;
      Json status = {{"authenticated", token.starts_with("known")}};
      if (token.starts_with("known")) status["user"] = {{"username", token}, {"groups", {"g"}}};
      if (token == "error") status["error"] = "because";
      response.body =
          Json{{"apiVersion", review["apiVersion"]}, {"kind", "TokenReview"}, {"status", status}}
              .dump();
      return response;
    });
    OutsideTokenOptions options;
    options.webhook = TokenWebhookOptions{
        .server = {.server = Url("/review"), .certificate_authority = authority_.certificate_pem()},
        .version = "v1"};
    StartServer(std::move(options));
  }
  std::promise<void> go_;
  const std::shared_future<void> gone_ = go_.get_future().share();
};

TEST_F(TokenWebhookTest, WhatItSaysIsRememberedButNotThatItFailed) {
  for (const char* token : {"known", "nobody"}) {
    const std::string who = std::string(token) == "known" ? "known" : "401";
    const int before = Asked("/review");
    EXPECT_EQ(NameIn(Review(token)), who);
    EXPECT_EQ(NameIn(Review(token)), who);
    EXPECT_EQ(Asked("/review"), before + 1) << token;
    clock_.Advance(2min);
    EXPECT_EQ(NameIn(Review(token)), who);
    EXPECT_EQ(Asked("/review"), before + 2) << token;
  }
  for (const char* token : {"fails", "error"}) {
    const int before = Asked("/review");
    EXPECT_EQ(NameIn(Review(token)), "401");
    EXPECT_EQ(NameIn(Review(token)), "401");
    EXPECT_EQ(Asked("/review"), before + 2) << token;
  }
}

TEST_F(TokenWebhookTest, WhoIsKnownHereIsNotAskedFor) {
  EXPECT_EQ(NameIn(Review("alice")), "alice");
  EXPECT_EQ(Asked("/review"), 0);
  const Answer review =
      Post("/apis/authentication.k8s.io/v1/tokenreviews", R"({"spec": {"token": "known2"}})");
  EXPECT_EQ(review.body["status"]["user"]["username"], "known2") << review.body;
}

TEST_F(TokenWebhookTest, OneThatHangsHarmsNobodyElseAndIsAskedOnce) {
  std::vector<std::future<Answer>> hanging;
  for (int i = 0; i < 8; ++i) {
    hanging.push_back(std::async(std::launch::async, [&] { return Review("hangs"); }));
  }
  EXPECT_TRUE(Until([&] { return Asked("/review") == 1; }));
  EXPECT_EQ(NameIn(Review("admin")), "admin");
  EXPECT_EQ(Asked("/review"), 1);
  for (auto& each : hanging) {
    EXPECT_EQ(each.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  }
  go_.set_value();
  for (auto& each : hanging) EXPECT_EQ(each.get().code, 401);
  EXPECT_EQ(Asked("/review"), 1);
}

TEST_F(TokenWebhookTest, WhoWaitsForOneThatHangsIsLetGoAtTheEnd) {
  auto hanging = std::async(std::launch::async, [&] { return Review("hangs"); });
  EXPECT_TRUE(Until([&] { return Asked("/review") == 1; }));
  const auto begin = std::chrono::steady_clock::now();
  server_->EndCalls();
  EXPECT_EQ(hanging.get().code, 401);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  go_.set_value();
}

TEST(TokenReview, SaysForWhomATokenIs) {
  const std::vector<std::string> own = {"us"};
  const auto read = [&](const Json& status, const std::vector<std::string>& wanted) {
    return *ReadTokenReview(
        Json{
            {"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenReview"}, {"status", status}}
            .dump(),
        "v1", wanted, own);
  };
  const Json good = {{"authenticated", true}, {"user", {{"username", "me"}}}};
  EXPECT_EQ(read(good, own).user->audiences, own);
  EXPECT_FALSE(read(good, {"them"}).user);
  Json theirs = good;
  theirs["audiences"] = {"them"};
  EXPECT_FALSE(read(theirs, own).user);
  EXPECT_EQ(read(theirs, {"us", "them"}).user->audiences, std::vector<std::string>{"them"});
  EXPECT_FALSE(ReadTokenReview("{}", "v1", own, own)->user) << "of the right kind, but of nobody";
  EXPECT_EQ(ReadTokenReview(Json{{"status", good}}.dump(), "v1", own, own)->user->user.name, "me");
  EXPECT_FALSE(ReadTokenReview(R"({"kind": "Status"})", "v1", own, own));
  const Json other = {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenReview"}};
  EXPECT_FALSE(ReadTokenReview(other.dump(), "v1beta1", own, own));
}

}  // namespace
}  // namespace skiff
