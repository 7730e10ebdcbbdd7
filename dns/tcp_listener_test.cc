// What a connection costs, whatever its client does.
#include "dns/tcp_listener.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "dns/test_socket.h"

namespace skiff::dns {
namespace {

constexpr size_t kReplyBytes = 1000;
constexpr size_t kReadAtOnce = 4096;
constexpr size_t kReadInAll = 4 << 20;
constexpr int kSocketBytes = 16 << 10;

// Asks on while it reads, so that there is always more to send than its socket takes.
void AskAndReadOn(int port) {
  TestSocket client(SOCK_STREAM, port);
  EXPECT_EQ(setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &kSocketBytes, sizeof kSocketBytes), 0);
  std::vector<uint8_t> asked;  // Queries of a byte: nobody here reads them.
  for (int i = 0; i < 1000; ++i) asked.insert(asked.end(), {0, 1, 7});
  size_t at = 0;
  for (size_t got = 0; got < kReadInAll;) {
    // Where it stopped, since a query may be sent in part.
    const ssize_t sent =
        send(client.fd(), asked.data() + at, asked.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) at = (at + static_cast<size_t>(sent)) % asked.size();
    const auto part = client.Receive(kReadAtOnce);
    ASSERT_FALSE(part.empty());
    got += part.size();
  }
}

TEST(TcpListenerTest, WhatHasBeenSentIsNotKeptForAClientThatLagsBehind) {
  const auto address = MakeSocketAddress("127.0.0.1", 0);
  const int fd = *ListenTcp(*address);
  // As those that are accepted have it: the kernel holds less than waits here.
  ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof kSocketBytes), 0);
  const int port = LocalAddress(fd).port();
  const TcpLimits limits;
  std::atomic<size_t> most = 0;
  Poller poller;
  TcpListener listener(poller, fd, limits,
                       [&](Bytes, const std::shared_ptr<TcpConnection>& from,
                           std::span<uint8_t> space, bool*) -> Bytes {
                         most = std::max<size_t>(most, from->kept_bytes());
                         std::fill_n(space.begin(), kReplyBytes, uint8_t{1});
                         return space.first(kReplyBytes);
                       });
  {
    const std::jthread serving([&] { poller.Run(); });
    AskAndReadOn(port);
    poller.Stop();
  }
  EXPECT_GT(most.load(), limits.unsent_bytes_max / 2);
  EXPECT_LT(most.load(), 4 * limits.unsent_bytes_max);
}

TEST(TcpListenerTest, WhoReadsNoneOfManyLongRepliesIsClosed) {
  const auto address = MakeSocketAddress("127.0.0.1", 0);
  const int fd = *ListenTcp(*address);
  ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof kSocketBytes), 0);
  const int port = LocalAddress(fd).port();
  const TcpLimits limits;
  const std::vector<uint8_t> reply(60'000, 1);
  size_t asked = 0;
  std::atomic<size_t> kept = 0;
  Poller poller;
  TcpListener listener(poller, fd, limits,
                       [&](Bytes, const std::shared_ptr<TcpConnection>& from, std::span<uint8_t>,
                           bool* later) -> Bytes {
                         *later = true;
                         if (++asked < limits.pending_max) return {};
                         // All of them become known at once.
                         for (size_t i = 0; i < limits.pending_max; ++i) from->Send(reply);
                         kept = from->kept_bytes();
                         return {};
                       });
  {
    const std::jthread serving([&] { poller.Run(); });
    TestSocket client(SOCK_STREAM, port);
    std::vector<uint8_t> queries;
    for (size_t i = 0; i < limits.pending_max; ++i) queries.insert(queries.end(), {0, 1, 7});
    client.Send(queries);
    while (!client.Receive(kReadAtOnce).empty()) {
    }
    poller.Stop();
  }
  EXPECT_GT(kept.load(), limits.unsent_bytes_max);
  EXPECT_LT(kept.load(), 3 * limits.unsent_bytes_max);
}

}  // namespace
}  // namespace skiff::dns
