// Which revision was the newest at a moment: who may ask, and what is answered.
#include <gmock/gmock.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using testing::HasSubstr;

class RevisionRequestTest : public ServerFixture {
 protected:
  void Knows(FindMoment find_moment) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_.reset();
    ApiServer::Parts parts{*store_, clock_, random_};
    parts.find_moment = std::move(find_moment);
    server_ = *ApiServer::Create({.authorization_modes = {"RBAC"},
                                  .token_file_text = kTokens,
                                  .advertise_address = "192.0.2.7"},
                                 std::move(parts));
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  static constexpr char kPath[] = "/skiff/revisions";
};

TEST_F(RevisionRequestTest, WhoeverHasLoggedInMayAsk) {
  TimePoint asked;
  Knows([&](TimePoint moment) -> Result<StoreMoment> {
    asked = moment;
    return StoreMoment{.revision = Revision{42}};
  });
  const std::string path = std::string(kPath) + "?at=2026-01-02T15:04:05.25Z";
  const Answer answer = Ask("GET", path, "", "", "alice");
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.body, Json::parse(R"({"resourceVersion": "42"})"));
  EXPECT_EQ(asked, Time::Parse("2026-01-02T15:04:05.25Z")->point());
  EXPECT_EQ(Get(std::string(kPath) + "?ago=90s").code, 200);
  EXPECT_EQ(asked, clock_.Now() - 90s) << "by the server's clock";
  EXPECT_EQ(Ask("GET", path, "", "", "").code, 403) << "nobody at all";
}

TEST_F(RevisionRequestTest, SaysWhereThePastBegins) {
  const TimePoint begin = Time::Parse("2026-01-02T15:04:05Z")->point();
  Knows([&](TimePoint) -> Result<StoreMoment> {
    return StoreMoment{.revision = Revision{7}, .is_oldest = true, .at = begin};
  });
  EXPECT_EQ(Get(std::string(kPath) + "?ago=1h").body, Json::parse(R"({"resourceVersion": "7",
      "oldest": true, "since": "2026-01-02T15:04:05.000000Z"})"));
}

TEST_F(RevisionRequestTest, SaysHowFarItIsSureWhereOthersWriteAsWell) {
  const TimePoint until = Time::Parse("2026-01-02T15:04:05Z")->point();
  Knows([&](TimePoint) -> Result<StoreMoment> {
    return StoreMoment{.revision = Revision{7}, .sure_until = until};
  });
  EXPECT_EQ(Get(std::string(kPath) + "?ago=1h").body, Json::parse(R"({"resourceVersion": "7",
      "sureUntil": "2026-01-02T15:04:05.000000Z"})"));
}

TEST_F(RevisionRequestTest, SaysWhatItCannotTell) {
  EXPECT_EQ(Get(std::string(kPath) + "?ago=1h").code, 404) << "a server that does not know";
  Knows([](TimePoint) -> Result<StoreMoment> { return Fail(Reason::kNotFound, "not known"); });
  EXPECT_EQ(Get(std::string(kPath) + "?ago=1h").code, 404);
  for (const char* query : {"", "?at=", "?at=yesterday", "?ago=-1s", "?ago=x"}) {
    const Answer answer = Get(kPath + std::string(query));
    EXPECT_EQ(answer.code, 400) << query;
    EXPECT_THAT(answer.message(), HasSubstr("must be")) << query;
  }
}

}  // namespace
}  // namespace skiff
