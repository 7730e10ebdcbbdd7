#include "apiserver/identity/token_tracking.h"

#include <gtest/gtest.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

TEST(TokenTrackingTest, OnlyADateIsADate) {
  EXPECT_TRUE(SaysSince(TokenTracking(TimePoint(1'700'000'000s))));
  EXPECT_EQ(TokenTracking(TimePoint(1'700'000'000s))["data"]["since"], "2023-11-14");
  for (const char* text : {R"({})", R"({"data": null})", R"({"data": {"since": ""}})",
                           R"({"data": {"since": "yesterday"}})",
                           R"({"data": {"since": "2023-02-30"}})"}) {
    EXPECT_FALSE(SaysSince(Json::parse(text))) << text;
  }
}

class TokenTrackingUpkeepTest : public ServerFixture {};

TEST_F(TokenTrackingUpkeepTest, BeginsAnewWhenItIsGoneOrSaysNothing) {
  const std::string path =
      std::string("/api/v1/namespaces/kube-system/configmaps/") + kTokenTracking;
  const auto since = [&] { return Get(path).body["data"]["since"]; };
  const Json first = since();
  ASSERT_TRUE(first.is_string());
  ASSERT_EQ(Merge(path, R"({"data": {"since": "2001-02-03"}})").code, 200);
  Settle();
  EXPECT_EQ(since(), "2001-02-03") << "a date stays";
  clock_.Advance(48h);
  const Json later = TokenTracking(clock_.Now())["data"]["since"];
  ASSERT_NE(later, first);
  ASSERT_EQ(Merge(path, R"({"data": {"since": "soon"}})").code, 200);
  Settle();
  EXPECT_EQ(since(), later);
  clock_.Advance(48h);
  ASSERT_EQ(Ask("DELETE", path).code, 200);
  Settle();
  EXPECT_EQ(since(), TokenTracking(clock_.Now())["data"]["since"]);
}

}  // namespace
}  // namespace skiff
