// For tests: stands in front of a server on loopback, and one day says nothing any more, while the
// connections to it live. As a machine that hangs does.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/error.h"

namespace skiff {

class SilentRelay {
 public:
  explicit SilentRelay(int server_port) : server_port_(server_port) {
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof address;
    CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(::listen(listener_, 16) == 0);
    CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { Relay(); });
  }
  ~SilentRelay() {
    FallSilent();
    for (size_t i = 0; i < ends_.size(); ++i) Close(i);
    ::close(listener_);
    ::close(stop_);
  }
  SilentRelay(const SilentRelay&) = delete;
  SilentRelay& operator=(const SilentRelay&) = delete;

  int port() const { return port_; }
  // Nothing is passed on afterwards.
  void FallSilent() {
    if (!thread_.joinable()) return;
    const uint64_t one = 1;
    CHECK(::write(stop_, &one, sizeof one) == sizeof one);
    thread_.join();
  }

 private:
  static sockaddr_in Loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    return address;
  }

  void Relay() {
    for (;;) {
      std::vector<pollfd> polled = {{stop_, POLLIN, 0}, {listener_, POLLIN, 0}};
      const size_t before = polled.size();
      for (const int end : ends_) polled.push_back({end, POLLIN, 0});  // Of those below 0: nothing.
      if (::poll(polled.data(), polled.size(), -1) < 0) continue;
      if (polled[0].revents != 0) return;
      for (size_t i = before; i < polled.size(); ++i) {
        if (polled[i].revents != 0) PassOn(i - before);
      }
      if (polled[1].revents != 0) Accept();
    }
  }

  void Accept() {
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(server_port_);
    (void)::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ends_.push_back(client);
    ends_.push_back(server);
  }

  void PassOn(size_t from) {
    if (ends_[from] < 0) return;  // Its other end was closed just now.
    std::array<char, 16 << 10> bytes;
    const ssize_t got = ::recv(ends_[from], bytes.data(), bytes.size(), 0);
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t more = ::send(ends_[from ^ 1], bytes.data() + sent,
                                  static_cast<size_t>(got - sent), MSG_NOSIGNAL);
      if (more <= 0) break;
      sent += more;
    }
    if (got > 0) return;
    Close(from);
    Close(from ^ 1);
  }

  void Close(size_t end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

  const int server_port_;
  int port_ = 0;
  const int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int stop_ = ::eventfd(0, EFD_CLOEXEC);
  std::vector<int> ends_;  // In pairs: a client's, and that to the server. -1: it is closed.
  std::jthread thread_;
};

}  // namespace skiff
