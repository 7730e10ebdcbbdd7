#include "proxy/ingress/haproxy_servers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::ingress {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// What Debian's HAProxy 2.6 answered.
constexpr char kState[] =
    "1\n"
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n"
    "5 default.web.80 1 10.0.0.1_8080 10.0.0.1 2 0 1 1 2 1 0 2 0 0 0 0 - 8080 - 0 0 - - 0\n"
    "5 default.web.80 2 10.0.0.2_8080 10.0.0.2 0 1 1 1 2 1 0 2 0 0 0 0 - 8080 - 0 0 - - 0\n\n";

std::map<std::string, Backend> Web(std::set<Endpoint> endpoints,
                                   BackendProtocol protocol = BackendProtocol::kHttp) {
  std::map<std::string, Backend> backends;
  backends["default.web.80"] = {.protocol = protocol, .endpoints = std::move(endpoints)};
  return backends;
}

TEST(HaproxyServersTest, ReadsWhichServersGetRequests) {
  const auto servers = *ParseServers(kState);
  ASSERT_EQ(servers.size(), 2u);
  EXPECT_EQ(servers[0].backend, "default.web.80");
  EXPECT_EQ(servers[0].name, "10.0.0.1_8080");
  EXPECT_TRUE(servers[0].in_use);
  EXPECT_FALSE(servers[1].in_use);
  EXPECT_FALSE(ParseServers("Can't find the target PID matching the prefix '@!7'\n"));
  EXPECT_FALSE(ParseServers("1\n5 default.web.80 1\n"));
  EXPECT_FALSE(ParseServers(""));
}

TEST(HaproxyServersTest, NothingIsSaidOfWhatIsRight) {
  const auto changes =
      ChangesOf({{"default.web.80", "10.0.0.1_8080", true}}, Web({{"10.0.0.1", 8080}}));
  EXPECT_THAT(changes.must, IsEmpty());
  EXPECT_THAT(changes.may, IsEmpty());
}

TEST(HaproxyServersTest, WhatIsNewComesBeforeWhatGoes) {
  const auto changes =
      ChangesOf({{"default.web.80", "10.0.0.1_8080", true}}, Web({{"10.0.0.9", 8080}}));
  EXPECT_THAT(changes.must, ElementsAre("add server default.web.80/10.0.0.9_8080 10.0.0.9:8080",
                                        "set server default.web.80/10.0.0.9_8080 state ready",
                                        "set server default.web.80/10.0.0.1_8080 state maint"));
  EXPECT_THAT(changes.may, ElementsAre("del server default.web.80/10.0.0.1_8080"));
}

TEST(HaproxyServersTest, OneThatIsBackBeforeItWasRemovedIsUsedAgain) {
  const std::vector<RunningServer> running = {{"default.web.80", "10.0.0.1_8080", false}};
  EXPECT_THAT(ChangesOf(running, Web({{"10.0.0.1", 8080}})).must,
              ElementsAre("set server default.web.80/10.0.0.1_8080 state ready"));
  // And one that is not is removed when it can be.
  const auto changes = ChangesOf(running, Web({}));
  EXPECT_THAT(changes.must, IsEmpty());
  EXPECT_THAT(changes.may, ElementsAre("del server default.web.80/10.0.0.1_8080"));
}

// Its rule leads elsewhere by now, in the worker that comes.
TEST(HaproxyServersTest, ABackendThatIsNotWantedServesUntilItIsGone) {
  const auto changes = ChangesOf({{"default.old.80", "10.0.0.1_8080", true}}, Web({}));
  EXPECT_THAT(changes.must, IsEmpty());
  EXPECT_THAT(changes.may, IsEmpty());
}

TEST(HaproxyServersTest, AServerIsSpokenToAsItsPortSays) {
  EXPECT_THAT(ChangesOf({}, Web({{"fd00::1", 80}}, BackendProtocol::kH2c)).must[0],
              "add server default.web.80/fd00::1_80 [fd00::1]:80 proto h2");
  EXPECT_THAT(ChangesOf({}, Web({{"10.0.0.1", 443}}, BackendProtocol::kHttps)).must[0],
              "add server default.web.80/10.0.0.1_443 10.0.0.1:443 ssl verify none alpn "
              "h2,http/1.1");
  auto once = Web({{"10.0.0.1", 443}}, BackendProtocol::kHttps);
  once["default.web.80"].once = true;
  EXPECT_THAT(ChangesOf({}, once).must[0],
              "add server default.web.80/10.0.0.1_443 10.0.0.1:443 ssl verify none alpn "
              "http/1.1");
}

TEST(HaproxyServersTest, WhereClientsStayServersHaveIdsOfTheirAddresses) {
  std::set<Endpoint> endpoints;
  for (int i = 0; i < 4000; ++i) {
    endpoints.insert({fmt::format("10.0.{}.{}", i / 250, i % 250), 80});
  }
  Backend backend{.protocol = BackendProtocol::kHttps, .sticky = true, .endpoints = endpoints};
  const auto servers = ServersOf(backend);
  std::set<std::string> ids;
  for (const auto& [name, target] : servers) ids.insert(target.substr(target.rfind(' ')));
  EXPECT_EQ(ids.size(), 4000u) << "HAProxy refuses two of one id";
  backend.endpoints = {{"10.0.3.7", 80}};
  EXPECT_EQ(ServersOf(backend).at("10.0.3.7_80"), servers.at("10.0.3.7_80")) << "whoever is beside";
  backend.once = true;
  const std::string once = ServersOf(backend).at("10.0.3.7_80");
  EXPECT_EQ(once.substr(once.rfind(' ')), servers.at("10.0.3.7_80").substr(
                                              servers.at("10.0.3.7_80").rfind(' ')));
  backend.sticky = false;
  EXPECT_EQ(ServersOf(backend).at("10.0.3.7_80").find(" id "), std::string::npos);
}

TEST(HaproxyServersTest, KnowsADoneCommandByItsAnswer) {
  EXPECT_TRUE(IsDone("\n"));
  EXPECT_TRUE(IsDone("New server registered.\n\n"));
  EXPECT_FALSE(IsDone("No such backend.\n"));
  EXPECT_FALSE(IsDone("Already exists a server with the same name in backend.\n"));
}

// What Debian's HAProxy 2.6 answered, by its master and by a worker's own socket.
TEST(HaproxyServersTest, ManyCommandsOfOneConversationHaveAnAnswerEach) {
  for (const char* said :
       {"master> 12605> New server registered.\n\n12605> \n12605> No such server.\n\n12605> ",
        "master[ReloadFailed]> 7> New server registered.\n\n7> \n7> No such server.\n\n7> ",
        "\n> New server registered.\n\n> \n> No such server.\n\n> "}) {
    const auto answers = AnswersIn(said, 3);
    ASSERT_TRUE(answers) << said;
    EXPECT_THAT(*answers, ElementsAre("New server registered.\n", "", "No such server.\n"));
    EXPECT_FALSE(AnswersIn(said, 2)) << said;
    EXPECT_FALSE(AnswersIn(said, 4)) << said;
  }
  EXPECT_FALSE(AnswersIn("", 1));
  EXPECT_FALSE(AnswersIn("master> Can't find the target PID matching the prefix '@1'\n", 1));
  EXPECT_FALSE(AnswersIn("\n> New server registered.\n", 1)) << "it ended meanwhile";
}

TEST(HaproxyServersTest, AConversationHasAsManyCommandsAsItHasRoomFor) {
  const std::vector<std::string> all(5000, std::string(63, 'x'));
  size_t conversations = 0;
  for (size_t begin = 0; begin < all.size(); ++conversations) {
    const size_t end = EndOfConversation(all, begin);
    ASSERT_GT(end, begin);
    ASSERT_LE((end - begin) * 64, kConversationBytesMax);
    begin = end;
  }
  EXPECT_EQ(conversations, 20u);
  EXPECT_EQ(EndOfConversation({std::string(2 * kConversationBytesMax, 'x'), "y"}, 0), 1u)
      << "one too long is one all the same";
}

}  // namespace
}  // namespace skiff::ingress
