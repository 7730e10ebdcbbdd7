#include "client/account_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/document.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A server that knows one account at most, and its tokens by number.
class AccountTransportTest : public ::testing::Test {
 protected:
  static constexpr char kAccounts[] = "/api/v1/namespaces/kube-system/serviceaccounts";

  http::Response Answer(const http::Request& request) {
    const std::string auth(request.Header("Authorization"));
    asked_.push_back(request.method + " " + request.path + (auth.empty() ? "" : " as " + auth));
    if (!auth.empty()) {
      return Reply(auth == "Bearer token-" + std::to_string(tokens_) ? 200 : 401, Json::object());
    }
    if (request.path.ends_with("/token")) {
      if (!is_served_) return Reply(403, {{"kind", "Status"}, {"message", "no"}, {"code", 403}});
      const Json wanted = Json::parse(request.Body());
      EXPECT_EQ(wanted["spec"]["expirationSeconds"], 3600);
      const Time until = Time(clock_.Now() + lifetime_);
      return Reply(201, {{"status",
                          {{"token", "token-" + std::to_string(++tokens_)},
                           {"expirationTimestamp", until.Rfc3339()}}}});
    }
    if (request.method == "POST") {
      is_there_ = true;
      return Reply(201, Json::parse(request.Body()));
    }
    if (is_there_) return Reply(200, {{"metadata", {{"name", "a"}}}});
    return Reply(404, {{"kind", "Status"}, {"reason", "NotFound"}, {"code", 404}});
  }
  static http::Response Reply(int status, const Json& body) {
    http::Response response;
    response.status = status;
    response.body = body.dump();
    return response;
  }
  int Send() {
    http::Request request;
    request.method = "GET";
    request.path = "/x";
    last_ = transport_.Send(request);
    return last_.status;
  }
  std::vector<std::string> TakeAsked() { return std::exchange(asked_, {}); }

  FakeClock clock_;
  Duration lifetime_ = 1h;
  bool is_there_ = false, is_served_ = true;
  int tokens_ = 0;
  std::vector<std::string> asked_;
  http::Response last_;
  InProcessTransport below_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{below_, "test"};
  AccountTransport transport_{
      below_, std::make_unique<AccountTokens>(client_, clock_, ObjectKey{"kube-system", "a"})};
};

TEST_F(AccountTransportTest, MakesTheAccountAndAsksForItsToken) {
  EXPECT_EQ(Send(), 200);
  const std::string accounts = kAccounts;
  EXPECT_THAT(TakeAsked(),
              ElementsAre("GET " + accounts + "/a", "POST " + accounts,
                          "POST " + accounts + "/a/token", "GET /x as Bearer token-1"));
  EXPECT_EQ(Send(), 200);
  EXPECT_THAT(TakeAsked(), ElementsAre("GET /x as Bearer token-1"));
}

TEST_F(AccountTransportTest, ATokenIsRenewedBeforeItExpires) {
  EXPECT_EQ(Send(), 200);
  clock_.Advance(48min - 1s);
  EXPECT_EQ(Send(), 200);
  EXPECT_EQ(tokens_, 1);
  clock_.Advance(1s);
  EXPECT_EQ(Send(), 200);
  EXPECT_EQ(tokens_, 2);
}

TEST_F(AccountTransportTest, AnotherClockDoesNotMakeItAskAllTheTime) {
  lifetime_ = -1h;
  EXPECT_EQ(Send(), 200);
  clock_.Advance(7min);
  EXPECT_EQ(Send(), 200);
  EXPECT_EQ(tokens_, 1);
  clock_.Advance(1min);
  EXPECT_EQ(Send(), 200);
  EXPECT_EQ(tokens_, 2);
}

TEST_F(AccountTransportTest, AnAccountThatWentIsMadeAnew) {
  EXPECT_EQ(Send(), 200);
  is_there_ = false;
  ++tokens_;  // Those of before are not taken any more.
  EXPECT_EQ(Send(), 401);
  TakeAsked();
  EXPECT_EQ(Send(), 200);
  EXPECT_THAT(TakeAsked(), testing::Contains(std::string("POST ") + kAccounts));
}

TEST_F(AccountTransportTest, WithoutATokenNothingIsSent) {
  is_served_ = false;
  EXPECT_EQ(Send(), 503);
  EXPECT_THAT(last_.body, HasSubstr("failed to get token for kube-system/a: no"));
  EXPECT_THAT(TakeAsked(), testing::Not(testing::Contains(HasSubstr("/x"))));
  is_served_ = true;
  EXPECT_EQ(Send(), 200);
}

}  // namespace
}  // namespace skiff
