#include "http/dial.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "http/socket.h"

namespace skiff::http {
namespace {

std::string Said(const std::vector<std::string>& addresses, int port, Duration patience) {
  const auto fd = DialAny(addresses, port, patience);
  if (fd) close(*fd);
  return fd ? "connected" : fd.error().message;
}

// Of a port that nobody listens on.
int DeadPort() {
  const auto listener = ListenOn({.host = "127.0.0.1"});
  const int port = LocalPort(*listener);
  close(*listener);
  return port;
}

// Listens on 127.0.0.3 and takes nobody: connecting to it goes on for ever.
class SilentListener {
 public:
  SilentListener() : fd_(ListenOn({.host = "127.0.0.3"}).value_or(-1)) {
    EXPECT_EQ(listen(fd_, 0), 0);
    for (int& fd : waiting_) fd = StartConnecting({.host = "127.0.0.3", .port = port()}).value();
  }
  ~SilentListener() {
    for (const int fd : waiting_) close(fd);
    close(fd_);
  }
  int port() const { return LocalPort(fd_); }

 private:
  const int fd_;
  int waiting_[4] = {};  // As many as its queue holds, and more.
};

TEST(DialAnyTest, TakesTheFirstThatAnswersAndTellsOfTheFirstThatDoesNot) {
  const auto listener = ListenOn({.host = "127.0.0.1"});
  ASSERT_TRUE(listener);
  const int port = LocalPort(*listener);
  EXPECT_EQ(Said({"127.0.0.2", "127.0.0.1"}, port, 5s), "connected");
  close(*listener);
  const std::string dead = std::to_string(DeadPort());
  EXPECT_EQ(Said({"127.0.0.2", "127.0.0.1"}, std::stoi(dead), 5s),
            "dial tcp 127.0.0.2:" + dead + ": connect: connection refused");
  EXPECT_EQ(Said({"::1", "127.0.0.1"}, std::stoi(dead), 5s).substr(0, 15), "dial tcp [::1]:");
  EXPECT_EQ(Said({}, 1, 5s), "dial tcp: no address");
}

TEST(DialAnyTest, AnAddressThatIsSilentTakesItsPartOfTheTimeAndNoMore) {
  const SilentListener silent;
  const std::string where = "127.0.0.3:" + std::to_string(silent.port());
  EXPECT_EQ(Said({"127.0.0.3"}, silent.port(), 50ms), "dial tcp " + where + ": i/o timeout");
  EXPECT_EQ(Said({"127.0.0.3", "127.0.0.1"}, silent.port(), 50ms),
            "dial tcp " + where + ": i/o timeout");
  const auto other = ListenOn({.host = "127.0.0.1", .port = silent.port()});
  ASSERT_TRUE(other);
  EXPECT_EQ(Said({"127.0.0.3", "127.0.0.1"}, silent.port(), 4s), "connected");
  close(*other);
}

TEST(DialAnyTest, WhatIsConnectedBlocks) {
  const auto listener = ListenOn({.host = "127.0.0.1"});
  const auto fd = DialHost("127.0.0.1", LocalPort(*listener), 5s);
  ASSERT_TRUE(fd) << fd.error().message;
  EXPECT_EQ(fcntl(*fd, F_GETFL) & O_NONBLOCK, 0);
  close(*fd);
  close(*listener);
}

TEST(ListenOnTest, APortIsSharedByThoseWhoWantSo) {
  const SocketAddress any{.host = "127.0.0.1", .shares_port = true};
  const auto first = ListenOn(any);
  ASSERT_TRUE(first);
  SocketAddress same = any;
  same.port = LocalPort(*first);
  const auto second = ListenOn(same);
  EXPECT_TRUE(second) << second.error().message;
  same.shares_port = false;
  EXPECT_FALSE(ListenOn(same));
  close(*first);
  if (second) close(*second);
}

TEST(ListenOnTest, AnyAddressIsOneOfEitherFamily) {
  const auto v6 = ListenOn({.host = "::1"});
  if (!v6) GTEST_SKIP() << "no IPv6 here";
  close(*v6);
  const auto listener = ListenOn({.host = "0.0.0.0"});
  ASSERT_TRUE(listener);
  EXPECT_EQ(Said({"127.0.0.1"}, LocalPort(*listener), 5s), "connected");
  EXPECT_EQ(Said({"::1"}, LocalPort(*listener), 5s), "connected");
  const SocketAddress taken{.host = "0.0.0.0", .port = LocalPort(*listener)};
  EXPECT_EQ(ListenOn(taken).error().message,
            "listen " + DescribeAddress(taken) + ": bind: address already in use");
  close(*listener);
}

TEST(DialHostTest, SaysThatThereIsNoSuchHost) {
  const auto fd = DialHost("nosuch.invalid", 1, 5s);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().message.substr(0, 32), "dial tcp: lookup nosuch.invalid:");
}

}  // namespace
}  // namespace skiff::http
