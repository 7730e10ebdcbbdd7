// logind over a bus that a thread of the test plays.
#include "kubelet/shutdown/login_manager.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

#include "base/seconds.h"
#include "kubelet/systemd/fake_bus.h"

namespace skiff::kubelet {
namespace {

BusMessage ShutdownSignal(const std::string& sender, bool begins) {
  return {.type = BusMessageType::kSignal,
          .serial = 9,
          .path = "/org/freedesktop/login1",
          .interface = "org.freedesktop.login1.Manager",
          .member = "PrepareForShutdown",
          .sender = sender,
          .values = {begins}};
}

// That logind's name has another owner, as `sender` says.
BusMessage OwnerSignal(const std::string& sender, const std::string& before,
                       const std::string& after) {
  return {.type = BusMessageType::kSignal,
          .serial = 8,
          .path = "/org/freedesktop/DBus",
          .interface = "org.freedesktop.DBus",
          .member = "NameOwnerChanged",
          .sender = sender,
          .values = {std::string("org.freedesktop.login1"), before, after}};
}

// A bus with a logind on it. `before_get` is called before the answer to Get, on the bus's thread;
// what it returns is sent before that.
class BusOfLogind : public FakeBus {
 public:
  explicit BusOfLogind(const std::string& path,
                       std::function<std::vector<BusMessage>()> before_get = nullptr,
                       uint64_t delay_us = 5'000'000)
      : FakeBus(path, [before_get = std::move(before_get), delay_us](const auto& call, auto reply) {
          std::vector<BusMessage> out;
          if (call.member == "Get") reply.values = {delay_us};
          if (call.member == "Get" && before_get) out = before_get();
          if (call.member == "GetNameOwner") reply.values = {std::string(":1.7")};
          if (call.member == "Inhibit") {
            reply.values = {BusMessage::Descriptor{0}};
            reply.descriptors = 1;
          }
          out.push_back(reply);
          if (call.member == "Inhibit") {
            out.push_back(ShutdownSignal(":1.66", false));
            out.push_back(ShutdownSignal(":1.7", true));
          }
          return out;
        }) {}
};

class LoginManagerTest : public testing::Test {
 protected:
  LoginManagerTest() {
    char name[] = "/tmp/skiff-bus-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  ~LoginManagerTest() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
  FakeClock clock_;
};

TEST_F(LoginManagerTest, AsksAndHearsLogindAndNobodyElse) {
  auto bus = std::make_unique<BusOfLogind>(directory_ + "/bus");
  auto login = MakeLoginManager(clock_, {directory_ + "/bus", directory_ + "/conf"});
  ASSERT_TRUE(login->Connect());
  const auto delay = login->DelayMax();
  ASSERT_TRUE(delay) << delay.error().message;
  EXPECT_EQ(*delay, 5s);
  ASSERT_TRUE(login->SetDelayMax(30s));
  std::ifstream file(directory_ + "/conf/99-kubelet.conf");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(text, testing::HasSubstr("[Login]\nInhibitDelayMaxSec=30\n"));
  ASSERT_TRUE(login->Lock());
  // The first signal is of somebody else; both were sent before this answer.
  ASSERT_TRUE(login->DelayMax());
  const auto told = login->Told();
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(*told, std::optional<bool>(true));
  login.reset();  // It hangs up, and the bus ends.
  bus->Join();
  EXPECT_THAT(bus->calls, testing::ElementsAre("Hello", "AddMatch", "GetNameOwner", "AddMatch",
                                               "Get", "KillUnit", "Inhibit", "Get"));
}

TEST_F(LoginManagerTest, ALogindThatHasStartedAgainIsHeard) {
  BusOfLogind bus(directory_ + "/bus", [] {
    return std::vector<BusMessage>{OwnerSignal("org.freedesktop.DBus", ":1.7", ""),
                                   ShutdownSignal(":1.7", false),
                                   OwnerSignal("org.freedesktop.DBus", "", ":1.8"),
                                   OwnerSignal(":1.66", ":1.8", ":1.66"),
                                   ShutdownSignal(":1.66", false),
                                   ShutdownSignal(":1.8", true)};
  });
  auto login = MakeLoginManager(clock_, {directory_ + "/bus", directory_ + "/conf"});
  ASSERT_TRUE(login->Connect());
  ASSERT_TRUE(login->DelayMax());
  const auto told = login->Told();
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(*told, std::optional<bool>(true));
}

TEST_F(LoginManagerTest, ADelayIsAsLongAsThoseThatCanBeConfigured) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  BusOfLogind bus(directory_ + "/bus", nullptr, std::numeric_limits<uint64_t>::max());
  auto login = MakeLoginManager(clock_, {directory_ + "/bus", directory_ + "/conf"});
  ASSERT_TRUE(login->Connect());
  const auto delay = login->DelayMax();
  ASSERT_TRUE(delay) << delay.error().message;
  EXPECT_EQ(*delay, Seconds(kMost));
}

// Any user of the machine may send signals to whom they like, as many as they like.
TEST_F(LoginManagerTest, WhoSendsSignalsHoldsUpNoCallAndCrowdsNobodyOut) {
  int gets = 0;
  BusOfLogind bus(directory_ + "/bus", [&] {
    if (++gets > 1) {
      clock_.Advance(10s);
      return std::vector<BusMessage>{ShutdownSignal(":1.66", false)};
    }
    std::vector<BusMessage> signals(2000, ShutdownSignal(":1.66", false));
    signals.push_back(ShutdownSignal(":1.7", true));
    return signals;
  });
  auto login = MakeLoginManager(clock_, {directory_ + "/bus", directory_ + "/conf"});
  ASSERT_TRUE(login->Connect());
  ASSERT_TRUE(login->DelayMax());
  const auto told = login->Told();
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(*told, std::optional<bool>(true));
  const auto late = login->DelayMax();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::kTimeout);
}

TEST_F(LoginManagerTest, WithoutABusThereIsNoLogind) {
  auto login = MakeLoginManager(clock_, {directory_ + "/none", directory_ + "/conf"});
  EXPECT_FALSE(login->Connect());
  EXPECT_FALSE(login->Lock());
  EXPECT_FALSE(login->Told());
}

}  // namespace
}  // namespace skiff::kubelet
