#include "proxy/ingress/haproxy_workers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::ingress {
namespace {

using testing::Eq;
using testing::Optional;

// What Debian's HAProxy 2.6 answered.
constexpr char kOne[] =
    "#<PID>          <type>          <reloads>       <uptime>        <version>      \n"
    "1152            master          2 [failed: 0]   0d00h00m09s     2.6.12-1+deb12u4\n"
    "# workers\n"
    "1155            worker          0               0d00h00m03s     2.6.12-1+deb12u4\n";

TEST(HaproxyWorkersTest, WhereAllOthersHaveEndedThereIsNone) {
  EXPECT_THAT(OldestWorker(kOne).value(), Eq(std::nullopt));
  EXPECT_THAT(OldestWorker(std::string(kOne) + "# programs\n1 x 9 y\n\n").value(),
              Eq(std::nullopt));
}

TEST(HaproxyWorkersTest, TheOldestHasSeenTheMostReloads) {
  const std::string text =
      std::string(kOne) +
      "# old workers\n"
      "1154            worker          1               0d00h00m06s     2.6.12\n"
      "1153            worker          2               0d00h00m09s     2.6.12\n"
      "\n";
  EXPECT_THAT(OldestWorker(text).value(), Optional(SeenWorker{.pid = 1153, .seen = 2}));
}

// A reload that fails makes no worker, and is counted by the one that goes on serving.
TEST(HaproxyWorkersTest, TheOneThatServesMayHaveSeenTheMost) {
  const std::string text =
      "#<PID>          <type>          <reloads>       <uptime>        <version>\n"
      "1152            master          9 [failed: 3]   0d00h00m09s     2.6.12\n"
      "# workers\n"
      "1155            worker          3               0d00h00m03s     2.6.12\n"
      "# old workers\n";
  EXPECT_THAT(OldestWorker(text).value(), Optional(SeenWorker{.pid = 1155, .seen = 3}));
  EXPECT_THAT(
      OldestWorker(text + "1153            worker          5               0d00h00m09s\n").value(),
      Optional(SeenWorker{.pid = 1153, .seen = 5}));
}

TEST(HaproxyWorkersTest, AnythingElseIsNoAnswer) {
  EXPECT_FALSE(OldestWorker(""));
  EXPECT_FALSE(OldestWorker("Unknown command\n"));
}

}  // namespace
}  // namespace skiff::ingress
