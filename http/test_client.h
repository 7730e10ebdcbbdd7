// A blocking client for tests: raw bytes over a real socket, with TLS or without, and answers read
// one by one. Everything fails after ten seconds rather than hang.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/head.h"
#include "http/socket.h"
#include "http/tls.h"

namespace skiff::http::testing {

struct TestAnswer {
  ResponseHead head;
  std::string body;
  int status() const { return head.status; }
  std::string Header(std::string_view name) const {
    const auto it = head.headers.find(name);
    return it == head.headers.end() ? "" : it->second;
  }
};

class TestClient {
 public:
  // `protocols`: what it offers by ALPN, each behind its length: "\x02h2".
  explicit TestClient(int port, const std::optional<ClientTls>& tls = std::nullopt,
                      std::string_view protocols = "")
      : TestClient(SocketAddress{.host = "127.0.0.1", .port = port}, tls, protocols) {}
  explicit TestClient(const SocketAddress& address,
                      const std::optional<ClientTls>& tls = std::nullopt,
                      std::string_view protocols = "")
      : fd_(StartConnecting(address).value_or(-1)), ssl_(nullptr, SSL_free) {
    CHECK(fd_ >= 0);
    pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
    poll(&ready, 1, 10'000);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) & ~O_NONBLOCK);
    if (!tls) return;
    const auto context = MakeClientContext(*tls);
    CHECK(context.has_value());
    ssl_.reset(SSL_new(context->get()));
    SSL_set_fd(ssl_.get(), fd_);
    if (!tls->insecure) SSL_set1_host(ssl_.get(), "localhost");
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        protocols.size());
    handshake_ok_ = SSL_connect(ssl_.get()) == 1;
  }
  ~TestClient() { Close(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool handshake_ok() const { return handshake_ok_; }
  int fd() const { return fd_; }
  SSL* ssl() const { return ssl_.get(); }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  void CloseWrite() { shutdown(fd_, SHUT_WR); }

  // False when the server no longer takes it.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ssl_
                               ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                               : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(sent);
    }
    return true;
  }

  // At least `bytes`, if the server sends as many before it closes.
  std::string Read(size_t bytes) {
    while (in_.size() < bytes && Fill()) {
    }
    return Take(std::min(bytes, in_.size()));
  }
  // Whatever comes next; "" when nothing does any more.
  std::string ReadSome() {
    if (in_.empty()) Fill();
    return Take(in_.size());
  }
  // What ALPN agreed on; "" for nothing.
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned int length = 0;
    if (ssl_) SSL_get0_alpn_selected(ssl_.get(), &name, &length);
    return {reinterpret_cast<const char*>(name), length};
  }
  std::string ReadUntil(std::string_view mark) {
    while (in_.find(mark) == std::string::npos) {
      if (!Fill()) return Take(in_.size());
    }
    return Take(in_.find(mark) + mark.size());
  }
  std::string ReadToEnd() {
    while (Fill()) {
    }
    return Take(in_.size());
  }
  // The next head alone.
  ResponseHead ReadHead() {
    ResponseHead head;
    const std::string text = ReadUntil("\r\n\r\n");
    EXPECT_FALSE(ParseResponseHead(text, head)) << text;
    return head;
  }
  TestAnswer ReadAnswer(bool to_head = false) {
    TestAnswer answer{.head = ReadHead(), .body = {}};
    if (to_head) return answer;
    if (answer.head.framing.chunked) {
      for (std::string chunk = ReadChunk(); !chunk.empty(); chunk = ReadChunk()) {
        answer.body += chunk;
      }
    } else if (answer.head.framing.content_length) {
      answer.body = Read(*answer.head.framing.content_length);
    }
    return answer;
  }
  // One chunk's data; "" for the last.
  std::string ReadChunk() {
    const size_t size = std::strtoul(ReadUntil("\r\n").c_str(), nullptr, 16);
    std::string data = Read(size);
    EXPECT_EQ(Read(2), "\r\n");
    return data;
  }
  TestAnswer Ask(std::string_view request) {
    EXPECT_TRUE(Send(request));
    return ReadAnswer(request.starts_with("HEAD "));
  }
  TestAnswer Get(const std::string& target) {
    return Ask("GET " + target + " HTTP/1.1\r\nHost: test\r\n\r\n");
  }
  // Nothing came in the way of an error; the server closed in order.
  bool closed_in_order() const { return eof_; }

 private:
  bool Fill() {
    char buffer[64 << 10];
    const ssize_t count =
        ssl_ ? SSL_read(ssl_.get(), buffer, sizeof buffer) : recv(fd_, buffer, sizeof buffer, 0);
    if (count <= 0) {
      eof_ = ssl_ ? SSL_get_error(ssl_.get(), static_cast<int>(count)) == SSL_ERROR_ZERO_RETURN
                  : count == 0;
      return false;
    }
    in_.append(buffer, count);
    return true;
  }
  std::string Take(size_t bytes) {
    std::string taken = in_.substr(0, bytes);
    in_.erase(0, bytes);
    return taken;
  }

  int fd_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  bool handshake_ok_ = true;
  bool eof_ = false;
  std::string in_;
};

}  // namespace skiff::http::testing
