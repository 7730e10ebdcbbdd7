// What is asked for on the command line, and what is said of what is wrong with it.
#include "skiff/chaos/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace skiff::chaos {
namespace {

using testing::HasSubstr;

Request Parsed(Fault fault, const std::vector<std::string>& args) {
  const auto request = ParseRequest(fault, args);
  if (!request || !*request) {
    ADD_FAILURE() << (request ? "nothing" : request.error().message);
    return {};
  }
  return **request;
}

std::string Refusal(Fault fault, const std::vector<std::string>& args) {
  const auto request = ParseRequest(fault, args);
  return request ? "accepted" : request.error().message;
}

TEST(ChaosRequestTest, ALinkIsBetweenTwoTargets) {
  const Request request = Parsed(Fault::kNetem, {"pod/a", "nodes/near", "-n", "shop", "--for=30s",
                                                 "--delay=100ms", "--jitter=10ms", "--loss=0.5%",
                                                 "--duplicate=1", "--reorder=25%",
                                                 "--rate=1.5mbit"});
  EXPECT_EQ(request.target, (Target{false, "shop", "a"}));
  EXPECT_EQ(*request.peer, (Target{true, "", "near"}));
  EXPECT_EQ(request.length, 30s);
  EXPECT_EQ(request.impairment, (Impairment{100ms, 10ms, 0.5, 1, 25, 1'500'000}));
  EXPECT_EQ(DetailOf(request),
            "delay 100ms 10ms loss 0.5% duplicate 1% reorder 25% rate 1500kbit");
  EXPECT_EQ(request.target.Text(), "pod/shop/a");
}

// As it is written in what is said of it.
TEST(ChaosRequestTest, ATargetMaySayItsNamespaceItself) {
  const Request request =
      Parsed(Fault::kPartition, {"pod/shop/web", "pods/a", "--for=30s", "-n", "store"});
  EXPECT_EQ(request.target, (Target{false, "shop", "web"}));
  EXPECT_EQ(*request.peer, (Target{false, "store", "a"}));
  for (const Target& target : {request.target, *request.peer, Target{false, "default", "a"}}) {
    EXPECT_EQ(Parsed(Fault::kPause, {target.Text(), "--for=3s"}).target, target);
  }
}

TEST(ChaosRequestTest, APartitionMayBeOfOneDirection) {
  EXPECT_EQ(Parsed(Fault::kPartition, {"node/a", "--for=1m"}).direction, Direction::kBoth);
  EXPECT_EQ(Parsed(Fault::kPartition, {"node/a", "--for=1m", "--direction=in"}).direction,
            Direction::kIn);
  EXPECT_EQ(Refusal(Fault::kPartition, {"node/a", "--for=1m", "--direction=up"}),
            "--direction: \"up\" is none of both, out, in");
}

TEST(ChaosRequestTest, TheKillOfAPodIsOverAtOnceAndThatOfANodeIsNot) {
  EXPECT_EQ(Parsed(Fault::kKill, {"pod/a"}).signal, SIGKILL);
  EXPECT_EQ(Parsed(Fault::kKill, {"pod/a", "--signal=SIGTERM"}).signal, SIGTERM);
  EXPECT_THAT(Refusal(Fault::kKill, {"pod/a", "--for=3s"}), HasSubstr("over at once"));
  EXPECT_THAT(Refusal(Fault::kKill, {"pod/a", "--for=0s"}), HasSubstr("over at once"));
  EXPECT_THAT(Refusal(Fault::kKill, {"node/a"}), HasSubstr("--for: say how long"));
  EXPECT_THAT(Refusal(Fault::kKill, {"pod/a", "--signal=STOP"}),
              HasSubstr("`skiff chaos pause` stops"));
}

TEST(ChaosRequestTest, SaysHowItIsDoneRight) {
  EXPECT_EQ(Refusal(Fault::kPause, {"pod/a"}),
            "--for: say how long, as in `skiff chaos pause pod/a --for=30s`");
  for (const std::string length : {"2h0m0s", "10ms", "-1s", "0s"}) {
    EXPECT_EQ(Refusal(Fault::kPause, {"pod/a", "--for=" + length}),
              "--for: " + length + " is not between 1s and 1h0m0s");
  }
  EXPECT_EQ(Refusal(Fault::kPause, {"a", "--for=3s"}),
            "\"a\" is no target: node/NAME, pod/NAME with -n NAMESPACE, or pod/NAMESPACE/NAME");
  for (const char* word : {"pod/a/b/c", "pod//b", "pod/a/", "node/a/b", "/a", ""}) {
    EXPECT_THAT(Refusal(Fault::kPause, {word, "--for=3s"}), HasSubstr("is no target")) << word;
  }
  EXPECT_THAT(Refusal(Fault::kPause, {"deployment/a", "--for=3s"}), HasSubstr("is no target"));
  EXPECT_THAT(Refusal(Fault::kPause, {"pod/a", "pod/b", "--for=3s"}), HasSubstr("usage: "));
  EXPECT_THAT(Refusal(Fault::kPause, {"node/a", "--container=c", "--for=3s"}),
              HasSubstr("node/a is a node"));
  EXPECT_THAT(Refusal(Fault::kKill, {"node/a", "--signal=TERM", "--for=3s"}),
              HasSubstr("node/a is a node, whose power is cut"));
  EXPECT_EQ(Refusal(Fault::kPause, {"pod/shop/a", "-n", "other", "--for=3s"}),
            "pod/shop/a says another namespace than -n other; leave out one");
  EXPECT_EQ(Parsed(Fault::kPause, {"pod/shop/a", "-n", "shop", "--for=3s"}).target.namespace_,
            "shop");
  EXPECT_THAT(Refusal(Fault::kPartition, {"pod/a", "po/a", "--for=3s"}),
              HasSubstr("pod/a has no link to itself"));
  EXPECT_THAT(Refusal(Fault::kNetem, {"pod/a", "--for=3s"}),
              HasSubstr("say what is wrong with the link"));
  EXPECT_THAT(Refusal(Fault::kNetem, {"pod/a", "--for=3s", "--reorder=5%"}),
              HasSubstr("give a --delay as well"));
  EXPECT_THAT(Refusal(Fault::kNetem, {"pod/a", "--for=3s", "--delay=1ms", "--jitter=2ms"}),
              HasSubstr("--jitter not more than that"));
}

TEST(ChaosRequestTest, AClockIsWrongByAnOffsetOrADrift) {
  const Request ahead = Parsed(Fault::kClock, {"node/near", "--offset=+5m", "--for=30s"});
  EXPECT_EQ(ahead.offset, 5min);
  EXPECT_EQ(DetailOf(ahead), "5m0s ahead");
  const Request behind =
      Parsed(Fault::kClock, {"node/near", "--offset", "-30s", "--drift=-12.5%", "--for=30s"});
  EXPECT_EQ(behind.offset, -30s);
  EXPECT_EQ(behind.drift_ppm, -125'000);
  EXPECT_EQ(DetailOf(behind), "30s behind, 12.5% slow");
  EXPECT_EQ(DetailOf(Parsed(Fault::kClock, {"node/near", "--drift=+1000%", "--for=30s"})),
            "1000% fast");
}

TEST(ChaosRequestTest, AClockIsThatOfANodeOrAPod) {
  EXPECT_EQ(DetailOf(Parsed(Fault::kClock, {"pod/a", "--offset=+5m", "--for=30s"})), "5m0s ahead");
  EXPECT_EQ(DetailOf(Parsed(Fault::kClock,
                            {"pod/a", "--drift=-5%", "--container=web", "--for=30s"})),
            "web: 5% slow");
  EXPECT_THAT(Refusal(Fault::kClock, {"node/a", "node/b", "--offset=+5m", "--for=30s"}),
              HasSubstr("a link has none"));
  EXPECT_THAT(Refusal(Fault::kClock, {"node/a", "--offset=+5m"}), HasSubstr("say how long"));
  EXPECT_THAT(Refusal(Fault::kClock, {"node/a", "--for=30s"}), HasSubstr("say how wrong it is"));
  EXPECT_THAT(Refusal(Fault::kClock, {"node/a", "--offset=100000h", "--for=30s"}),
              HasSubstr("is more than 87600h0m0s off"));
  for (const std::string drift : {"10", "%", "+%", "-101%", "1001%", "1e1%", "nan%", "--5%"}) {
    EXPECT_THAT(Refusal(Fault::kClock, {"node/a", "--drift=" + drift, "--for=30s"}),
                HasSubstr("--drift: \"" + drift + "\" is not between"));
  }
}

TEST(ChaosRequestTest, ReadsSharesAndRates) {
  EXPECT_EQ(*ParsePercent("12.5%"), 12.5);
  for (const std::string text : {"", "%", "-1%", "101", "1e1", "1.1.1", ".", "5 %", "nan"}) {
    EXPECT_FALSE(ParsePercent(text)) << text;
  }
  EXPECT_EQ(*ParseRate("10gbit"), 10'000'000'000);
  EXPECT_EQ(*ParseRate("1500bit"), 1500);
  for (const std::string text : {"", "1", "1mb", "0kbit", "999bit", "101gbit", "-1mbit"}) {
    EXPECT_FALSE(ParseRate(text)) << text;
  }
}

}  // namespace
}  // namespace skiff::chaos
