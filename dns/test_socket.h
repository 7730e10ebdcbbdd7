// For tests: a client's socket.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dns/socket_address.h"
#include "dns/test_messages.h"

namespace skiff::dns {

// Blocking, connected.
class TestSocket {
 public:
  static constexpr int kWaitMs = 10'000;

  // `own`: the address that it comes from; "": whichever.
  TestSocket(int type, int port, const std::string& host = "127.0.0.1",
             const std::string& own = "") {
    const auto address = MakeSocketAddress(host, port);
    fd_ = socket(address->family(), type | SOCK_CLOEXEC, 0);
    if (!own.empty()) {
      const auto from = MakeSocketAddress(own, 0);
      EXPECT_EQ(bind(fd_, from->get(), from->length), 0) << own;
    }
    EXPECT_EQ(connect(fd_, address->get(), address->length), 0) << address->Text();
  }
  ~TestSocket() { close(fd_); }
  void Send(const std::vector<uint8_t>& bytes) {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // What comes next, at most `bytes`; empty: the end, or nothing in time.
  std::vector<uint8_t> Receive(size_t bytes) {
    std::vector<uint8_t> received(bytes);
    pollfd ready{fd_, POLLIN, 0};
    const ssize_t count =
        poll(&ready, 1, kWaitMs) == 1 ? recv(fd_, received.data(), received.size(), 0) : 0;
    received.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
    return received;
  }
  // Over TCP.
  void SendMessage(const std::vector<uint8_t>& message) {
    std::vector<uint8_t> bytes = {static_cast<uint8_t>(message.size() >> 8),
                                  static_cast<uint8_t>(message.size())};
    bytes.insert(bytes.end(), message.begin(), message.end());
    Send(bytes);
  }
  TestReply ReceiveMessage() {
    while (in_.size() < 2 || in_.size() - 2 < Get16(in_, 0)) {
      const auto more = Receive(kMessageBytesMax);
      if (more.empty()) return {};
      in_.insert(in_.end(), more.begin(), more.end());
    }
    const size_t length = Get16(in_, 0);
    const TestReply reply = ReadReply(Bytes(in_).subspan(2, length));
    in_.erase(in_.begin(), in_.begin() + 2 + static_cast<ptrdiff_t>(length));
    return reply;
  }
  int fd() const { return fd_; }

 private:
  int fd_;
  std::vector<uint8_t> in_;
};

inline TestReply AskUdp(int port, const TestQuery& query, const std::string& host = "127.0.0.1") {
  TestSocket socket(SOCK_DGRAM, port, host);
  socket.Send(MakeQuery(query));
  return ReadReply(socket.Receive(kMessageBytesMax));
}

inline TestReply AskTcp(int port, const TestQuery& query, const std::string& host = "127.0.0.1") {
  TestSocket socket(SOCK_STREAM, port, host);
  socket.SendMessage(MakeQuery(query));
  return socket.ReceiveMessage();
}

}  // namespace skiff::dns
