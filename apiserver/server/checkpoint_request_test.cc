// Who may have the server copy its store, and what it answers.
#include <gmock/gmock.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using testing::HasSubstr;

class CheckpointRequestTest : public ServerFixture {
 protected:
  // The server again, which copies its store so.
  void Copies(std::function<Result<std::string>()> checkpoint) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_.reset();
    ApiServer::Parts parts{*store_, clock_, random_};
    parts.checkpoint = std::move(checkpoint);
    server_ = *ApiServer::Create({.authorization_modes = {"RBAC"},
                                  .token_file_text = kTokens,
                                  .advertise_address = "192.0.2.7"},
                                 std::move(parts));
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  static constexpr char kPath[] = "/skiff/checkpoints";
};

TEST_F(CheckpointRequestTest, IsForWhoMayDoAll) {
  int made = 0;
  Copies([&]() -> Result<std::string> { return "/data/checkpoints/" + std::to_string(++made); });
  const Answer refused = Ask("POST", kPath, "", "", "alice");
  EXPECT_EQ(refused.code, 403);
  EXPECT_THAT(refused.message(),
              HasSubstr("User \"alice\" cannot post path \"/skiff/checkpoints\""));
  EXPECT_EQ(Ask("POST", kPath, "", "", "").code, 403) << "nobody at all";
  EXPECT_EQ(Get(kPath).code, 405) << "to look changes nothing";
  EXPECT_EQ(made, 0);
  const Answer answer = Post(kPath, "");
  EXPECT_EQ(answer.code, 201);
  EXPECT_EQ(answer.body["path"], "/data/checkpoints/1");
}

TEST_F(CheckpointRequestTest, SaysWhyThereIsNone) {
  EXPECT_EQ(Post(kPath, "").code, 404) << "a server that cannot";
  Copies([]() -> Result<std::string> {
    return Fail(Reason::kMethodNotAllowed, "etcd copies them itself");
  });
  EXPECT_EQ(Post(kPath, "").code, 405);
  EXPECT_EQ(Post(kPath, "").message(), "etcd copies them itself");
}

}  // namespace
}  // namespace skiff
