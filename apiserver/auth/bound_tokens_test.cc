// How long a token outlives what it is bound to.
#include <gtest/gtest.h>

#include <ctime>

#include "apiserver/auth/service_accounts.h"
#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/forwarding_store.h"

namespace skiff {
namespace {

class BoundTokensTest : public ServerFixture {
 protected:
  std::string TokenFor(const std::string& kind, const std::string& name) {
    const auto made = Post("/api/v1/namespaces/default/serviceaccounts/default/token",
                           R"({"spec": {"boundObjectRef": {"kind": ")" + kind +
                               R"(", "apiVersion": "v1", "name": ")" + name + R"("}}})");
    EXPECT_EQ(made.code, 201) << made.message();
    return made.body["status"]["token"];
  }
  int WhoAmI(const std::string& token) {
    return Ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", "", token).code;
  }
};

TEST_F(BoundTokensTest, ATokenEndsAMinuteAfterItsObjectWasToEnd) {
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  ASSERT_EQ(Post(secrets, R"({"metadata": {"name": "s", "finalizers": ["a.io/b"]}})").code, 201);
  const std::string token = TokenFor("Secret", "s");
  EXPECT_EQ(WhoAmI(token), 201);
  ASSERT_EQ(Ask("DELETE", secrets + "/s").code, 200);
  ASSERT_EQ(Get(secrets + "/s").code, 200) << "its finalizer keeps it";
  clock_.Advance(59s);
  EXPECT_EQ(WhoAmI(token), 201);
  clock_.Advance(2s);
  EXPECT_EQ(WhoAmI(token), 401);
}

TEST_F(BoundTokensTest, ATokenEndsAtOnceWithAnObjectThatIsGoneOrAnotherOne) {
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  ASSERT_EQ(Post(secrets, R"({"metadata": {"name": "s"}})").code, 201);
  const std::string token = TokenFor("Secret", "s");
  ASSERT_EQ(Ask("DELETE", secrets + "/s").code, 200);
  EXPECT_EQ(WhoAmI(token), 401);
  ASSERT_EQ(Post(secrets, R"({"metadata": {"name": "s"}})").code, 201);
  EXPECT_EQ(WhoAmI(token), 401);
}

TEST_F(BoundTokensTest, TokensThatAreTakenAreCounted) {
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  ASSERT_EQ(Post(secrets, R"({"metadata": {"name": "s"}})").code, 201);
  const std::string token = TokenFor("Secret", "s");
  const auto count = [&](const std::string& name) {
    const std::string text = Get("/metrics").response.body;
    const std::string line = "\nserviceaccount_" + name + "_tokens_total ";
    const size_t at = text.find(line);
    return at == text.npos ? -1 : std::atoi(text.c_str() + at + line.size());
  };
  EXPECT_EQ(count("valid"), 0);
  EXPECT_EQ(WhoAmI(token), 201);
  EXPECT_EQ(count("valid"), 1);
  EXPECT_EQ(WhoAmI(token + "x"), 401);
  EXPECT_EQ(count("valid"), 1);
  EXPECT_EQ(count("stale"), 0);
  EXPECT_EQ(count("legacy"), 0);
}

// Of accounts it cannot tell anything.
class AwayStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    if (away && key.starts_with("/registry/serviceaccounts/")) {
      return Fail(Error{.message = "etcdserver: request timed out", .http_code = 500});
    }
    return ForwardingStore::Get(key, at);
  }

  bool away = false;
};

class AwayStoreTest : public BoundTokensTest {
 protected:
  AwayStoreTest() { UseStore(between_); }
  ~AwayStoreTest() override { UseStore(*store_); }

  AwayStore between_{*store_};
};

TEST_F(AwayStoreTest, ATokenOfWhichNobodyCanTellIsNotABadOne) {
  const auto made = Post("/api/v1/namespaces/default/serviceaccounts/default/token", "{}");
  ASSERT_EQ(made.code, 201) << made.message();
  const std::string token = made.body["status"]["token"];
  EXPECT_EQ(WhoAmI(token), 201);
  between_.away = true;
  EXPECT_EQ(WhoAmI(token), 500);
  EXPECT_EQ(WhoAmI("no token"), 401);
  EXPECT_EQ(Post("/api/v1/namespaces/default/serviceaccounts/default/token", "{}").code, 500)
      << "nor is the account missing";
  between_.away = false;
  EXPECT_EQ(WhoAmI(token), 201);
}

TEST_F(BoundTokensTest, ATokenIsGoodAMinuteLongerThanItSays) {
  const auto made = Post("/api/v1/namespaces/default/serviceaccounts/default/token",
                         R"({"spec": {"expirationSeconds": 600}})");
  const std::string token = made.body["status"]["token"];
  clock_.Advance(659s);
  EXPECT_EQ(WhoAmI(token), 201);
  clock_.Advance(2s);
  EXPECT_EQ(WhoAmI(token), 401);
}

TEST_F(BoundTokensTest, ManyAudiencesOfATokenAndOfAReviewAreComparedInNoTime) {
  constexpr int kMany = 80'000;
  const auto audiences = [](char letter, const char* last) {
    Json list = Json::array();
    for (int i = 0; i < kMany; ++i) list.push_back(letter + std::to_string(i));
    list.push_back(last);
    return list;
  };
  const Json wanted = {{"spec", {{"audiences", audiences('a', "shared")}}}};
  const auto made =
      Post("/api/v1/namespaces/default/serviceaccounts/default/token", wanted.dump());
  ASSERT_EQ(made.code, 201) << made.message();
  const auto review = [&](const char* last) {
    const Json asked = {
        {"spec",
         {{"token", made.body["status"]["token"]}, {"audiences", audiences('b', last)}}}};
    return Post("/apis/authentication.k8s.io/v1/tokenreviews", asked.dump()).body["status"];
  };
  const std::clock_t begin = std::clock();
  const Json good = review("shared");
  EXPECT_EQ(good["authenticated"], true);
  EXPECT_EQ(good["audiences"], Json::array({"shared"}));
  EXPECT_FALSE(review("other").value("authenticated", false));
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 10) << "seconds of processor time";
}

TEST(VerifiedTokens, ASignatureIsVerifiedOnceAndWhatItSaysEachTime) {
  FakeClock clock;
  SeededRandom random(7);
  bool exists = true;
  const auto find = [&](std::string_view, std::string_view, std::string_view) {
    return exists ? std::optional(ServiceAccountTokens::Present{.uid = "u"}) : std::nullopt;
  };
  const auto tokens = *ServiceAccountTokens::Create({}, find, {}, clock, random);
  const auto audiences = tokens->audiences();
  const std::string token = *tokens->Issue({.namespace_name = "n",
                                            .service_account = {"a", "u"},
                                            .audiences = audiences,
                                            .lifetime_s = 600});
  const auto is_good = [&](const std::string& text) {
    const auto found = tokens->Authenticate(text, audiences);
    return found && *found;
  };
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(is_good(token));
  EXPECT_EQ(tokens->verifications(), 1);
  // The claims of a good token do not make another one good, and a bad one is not remembered.
  const std::string forged = token.substr(0, token.rfind('.') + 1) + "AAAA";
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(is_good(forged));
  EXPECT_EQ(tokens->verifications(), 3);
  exists = false;
  EXPECT_FALSE(is_good(token));
  exists = true;
  EXPECT_TRUE(is_good(token));
  EXPECT_FALSE(*tokens->Authenticate(token, {"others"}));
  clock.Advance(661s);
  EXPECT_FALSE(is_good(token));
  EXPECT_EQ(tokens->verifications(), 3);
}

// A new one in its place would make all tokens those of nobody.
TEST(SigningKey, OneThatIsThereAndCannotBeReadIsNotReplaced) {
  FakeClock clock;
  SeededRandom random(7);
  const auto find = [](std::string_view, std::string_view, std::string_view) {
    return std::optional(ServiceAccountTokens::Present{.uid = "u"});
  };
  // A folder is what root, too, cannot read.
  const auto tokens = ServiceAccountTokens::Create({.generated_key_path = testing::TempDir()}, find,
                                                   {}, clock, random);
  ASSERT_FALSE(tokens);
  EXPECT_NE(tokens.error().message.find("is a directory"), std::string::npos);
}

TEST(TokenDates, MayHaveFractionsAndAreNeverPassedOver) {
  FakeClock clock;  // At 1'700'000'000 s.
  SeededRandom random(7);
  const auto find = [](std::string_view, std::string_view, std::string_view) {
    return std::optional(ServiceAccountTokens::Present{.uid = "u"});
  };
  const auto tokens = *ServiceAccountTokens::Create({.issuer = "me"}, find, {}, clock, random);
  const auto said = [&](const char* claim, const char* value) -> std::string {
    Json claims = {{"iss", "me"},
                   {"aud", tokens->audiences()},
                   {"iat", 1'700'000'000},
                   {"nbf", 1'700'000'000},
                   {"exp", 1'700'000'600},
                   {"kubernetes.io",
                    {{"namespace", "n"}, {"serviceaccount", {{"name", "a"}, {"uid", "u"}}}}}};
    claims[claim] = Json::parse(value);
    const auto found = tokens->Authenticate(*tokens->Sign(claims), tokens->audiences());
    if (!found) return "not ours";
    return *found ? "good" : found->error().message;
  };
  EXPECT_EQ(said("nbf", "1699999999.5"), "good");
  EXPECT_EQ(said("nbf", "1700000061.5"), "service account token is not valid yet");
  EXPECT_EQ(said("iat", "1700000061.5"), "service account token is issued in the future");
  EXPECT_EQ(said("exp", "1700000000.5"), "good");
  EXPECT_EQ(said("exp", "1699999939.5"), "service account token has expired");
  EXPECT_EQ(said("nbf", "null"), "good") << "it is not said";
  const std::string refused =
      "go-jose/go-jose/jwt: expected number value to unmarshal NumericDate";
  for (const char* claim : {"nbf", "iat", "exp"}) {
    for (const char* value : {"9223372036854775808", "18446744073709551615", "1e300", "-1e19",
                              "9.3e18", "\"1700000000\"", "[]", "true"}) {
      EXPECT_EQ(said(claim, value), refused) << claim << " " << value;
    }
  }
}

TEST(VerifiedTokens, HoldsAsManyAsItMay) {
  VerifiedTokens verified;
  const auto claims = std::make_shared<const Json>(Json::object());
  for (size_t i = 0; i < 2 * VerifiedTokens::kTokensMax; ++i) {
    verified.Keep(std::to_string(i), claims);
    ASSERT_LE(verified.size(), VerifiedTokens::kTokensMax);
    ASSERT_NE(verified.Find(std::to_string(i)), nullptr);
  }
  verified.Keep(std::string(VerifiedTokens::kTokenBytesMax + 1, 'x'), claims);
  EXPECT_EQ(verified.Find(std::string(VerifiedTokens::kTokenBytesMax + 1, 'x')), nullptr);
}

// Their makers choose what they say, and a loop lets go of it.
TEST(VerifiedTokens, LetsGoOfFewAtATimeAndHoldsAsManyBytesAsItMay) {
  VerifiedTokens verified;
  const auto token = [](size_t i, size_t size) {
    std::string text = std::to_string(i);
    return text.append(size - text.size(), 'x');
  };
  const auto claims = std::make_shared<const Json>(Json::object());
  for (size_t i = 0; i < VerifiedTokens::kTokensMax; ++i) verified.Keep(token(i, 8), claims);
  verified.Keep("one more", claims);
  EXPECT_EQ(verified.size(), VerifiedTokens::kTokensMax);
  EXPECT_EQ(verified.Find(token(0, 8)), nullptr) << "the oldest made room";
  EXPECT_NE(verified.Find(token(1, 8)), nullptr);
  constexpr size_t kLarge = VerifiedTokens::kTokenBytesMax;
  for (size_t i = 0; i < VerifiedTokens::kTokensMax; ++i) verified.Keep(token(i, kLarge), claims);
  EXPECT_EQ(verified.size(), VerifiedTokens::kBytesMax / kLarge);
  EXPECT_EQ(verified.Find("one more"), nullptr);
  EXPECT_NE(verified.Find(token(VerifiedTokens::kTokensMax - 1, kLarge)), nullptr);
}

}  // namespace
}  // namespace skiff
