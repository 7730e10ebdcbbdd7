// logind over a bus that a thread of the test plays, and the messages themselves.
#include "kubelet/shutdown/login_manager.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <thread>

#include "base/hash.h"
#include "base/seconds.h"
#include "kubelet/shutdown/bus_message.h"

namespace skiff::kubelet {
namespace {

TEST(BusMessageTest, ACallIsWhatABusExpects) {
  const std::string bytes = EncodeBusMessage({.serial = 1,
                                              .path = "/a",
                                              .interface = "b.c",
                                              .member = "D",
                                              .destination = "e.f",
                                              .values = {std::string("xy"), int32_t{1}}});
  EXPECT_EQ(Hex(bytes),
            "6c010001"  // Little-endian, a call, no flags, protocol 1.
            "0c000000"
            "01000000"
            "48000000"
            "01016f00"
            "02000000"
            "2f610000"
            "00000000"
            "02017300"
            "03000000"
            "622e6300"
            "00000000"
            "03017300"
            "01000000"
            "44000000"
            "00000000"
            "06017300"
            "03000000"
            "652e6600"
            "00000000"
            "08016700"
            "02736900"
            "02000000"
            "78790000"
            "01000000");
}

TEST(BusMessageTest, WhatWasWrittenCanBeRead) {
  BusMessage message{.type = BusMessageType::kReply,
                     .serial = 7,
                     .sender = ":1.3",
                     .reply_serial = 5,
                     .descriptors = 1,
                     .values = {true, uint32_t{3}, uint64_t{1} << 40, std::string("text"),
                                BusMessage::Descriptor{0}}};
  const std::string bytes = EncodeBusMessage(message);
  ASSERT_EQ(*BusMessageLength(bytes), bytes.size());
  const auto read = DecodeBusMessage(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type, BusMessageType::kReply);
  EXPECT_EQ(read->sender, ":1.3");
  EXPECT_EQ(read->reply_serial, 5u);
  EXPECT_EQ(read->descriptors, 1u);
  EXPECT_EQ(read->values, message.values);
}

TEST(BusMessageTest, WhatIsNoneIsRefused) {
  std::string bytes = EncodeBusMessage({.serial = 1, .path = "/a", .values = {std::string("xy")}});
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeBusMessage(std::string_view(bytes).substr(0, length))) << length;
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string broken = bytes;
    broken[i] = static_cast<char>(0xFF);
    (void)DecodeBusMessage(broken);  // Whatever it says, nothing is read beyond its end.
  }
  bytes[0] = 'B';
  EXPECT_FALSE(BusMessageLength(bytes));
}

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

// A bus with a logind on it: answers the calls that it knows until who called hangs up.
class FakeBus {
 public:
  // `before_get` is called before the answer to Get, on the bus's thread; what it returns is sent
  // before that.
  explicit FakeBus(const std::string& path,
                   std::function<std::vector<BusMessage>()> before_get = nullptr,
                   uint64_t delay_us = 5'000'000)
      : before_get_(std::move(before_get)), delay_us_(delay_us) {
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{.sun_family = AF_UNIX};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    EXPECT_EQ(pipe(lock_), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  void Join() { thread_.join(); }  // Once its peer hangs up.
  ~FakeBus() {
    shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) Join();
    for (const int each : {listener_, lock_[0], lock_[1]}) close(each);
  }
  std::vector<std::string> calls;  // To be looked at when it has ended.

 private:
  void Serve() {
    peer_ = accept(listener_, nullptr, nullptr);
    if (Line().find("AUTH EXTERNAL ") == std::string::npos) return;
    Write("OK 1234\r\n");
    Line();
    Write("AGREE_UNIX_FD\r\n");
    Line();
    for (std::string head; Read(kBusHeadBytes, head);) {
      std::string rest;
      if (!Read(*BusMessageLength(head) - kBusHeadBytes, rest)) break;
      const auto call = DecodeBusMessage(head + rest);
      if (call) Answer(*call);
    }
    close(peer_);
  }
  void Answer(const BusMessage& call) {
    calls.push_back(call.member);
    BusMessage reply{.type = BusMessageType::kReply, .serial = 1, .reply_serial = call.serial};
    if (call.member == "Get") reply.values = {delay_us_};
    if (call.member == "Get" && before_get_) {
      for (const BusMessage& signal : before_get_()) Write(EncodeBusMessage(signal));
    }
    if (call.member == "GetNameOwner") reply.values = {std::string(":1.7")};
    if (call.member == "Inhibit") {
      reply.values = {BusMessage::Descriptor{0}};
      reply.descriptors = 1;
      WriteWithLock(EncodeBusMessage(reply));
      Write(EncodeBusMessage(ShutdownSignal(":1.66", false)));
      Write(EncodeBusMessage(ShutdownSignal(":1.7", true)));
      return;
    }
    Write(EncodeBusMessage(reply));
  }
  std::string Line() {
    std::string line;
    for (std::string next; !line.ends_with("\r\n") && Read(1, next);) line += next;
    return line;
  }
  bool Read(size_t count, std::string& to) {
    to.resize(count);
    return count == 0 || recv(peer_, to.data(), count, MSG_WAITALL) == static_cast<ssize_t>(count);
  }
  void Write(const std::string& bytes) {
    const ssize_t sent = send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return;  // It has hung up.
    EXPECT_EQ(sent, static_cast<ssize_t>(bytes.size()));
  }
  void WriteWithLock(std::string bytes) {
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &lock_[1], sizeof(int));
    EXPECT_EQ(sendmsg(peer_, &header, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }

  const std::function<std::vector<BusMessage>()> before_get_;
  const uint64_t delay_us_;
  int listener_ = -1, peer_ = -1;
  int lock_[2] = {-1, -1};
  std::thread thread_;
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
  auto bus = std::make_unique<FakeBus>(directory_ + "/bus");
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
  FakeBus bus(directory_ + "/bus", [] {
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
  FakeBus bus(directory_ + "/bus", nullptr, std::numeric_limits<uint64_t>::max());
  auto login = MakeLoginManager(clock_, {directory_ + "/bus", directory_ + "/conf"});
  ASSERT_TRUE(login->Connect());
  const auto delay = login->DelayMax();
  ASSERT_TRUE(delay) << delay.error().message;
  EXPECT_EQ(*delay, Seconds(kMost));
}

// Any user of the machine may send signals to whom they like, as many as they like.
TEST_F(LoginManagerTest, WhoSendsSignalsHoldsUpNoCallAndCrowdsNobodyOut) {
  int gets = 0;
  FakeBus bus(directory_ + "/bus", [&] {
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
