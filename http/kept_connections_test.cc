// Requests one after the other on one connection, through the asynchronous client.
#include "http/kept_connections.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "http/client.h"
#include "http/socket.h"
#include "http/test_server.h"
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

class KeptConnectionsTest : public ::testing::Test {
 protected:
  // The body, or the error.
  std::string Ask(int port, const std::string& target, ClientRequest request = {}) {
    request.target = target;
    Upstream upstream{.host = "127.0.0.1", .port = port, .tls = tls_, .kept = kept_};
    std::promise<Result<Opened>> answer;
    const auto exchange =
        Open(loops_, std::move(upstream), std::move(request),
             [&](Result<Opened> opened) { answer.set_value(std::move(opened)); });
    auto opened = answer.get_future().get();
    if (!opened) return opened.error().message;
    return Read(*opened->body);
  }
  static std::string Read(StreamSource& source) {
    std::mutex mutex;
    std::condition_variable changed;
    bool news = false;
    source.Attach([&] {
      const std::lock_guard lock(mutex);
      news = true;
      changed.notify_all();
    });
    std::string text;
    for (;;) {
      std::vector<SharedBytes> chunks;
      const Pulled pulled = source.Pull(1 << 16, chunks);
      for (const auto& chunk : chunks) text += *chunk;
      if (pulled == Pulled::kEnd || pulled == Pulled::kAbort) return text;
      if (pulled == Pulled::kMore) continue;
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return news; });
      news = false;
    }
  }

  Loops loops_{1};
  TlsContext tls_;
  std::shared_ptr<KeptConnections> kept_ = MakeKeptConnections();
};

TEST_F(KeptConnectionsTest, RequestsShareAConnection) {
  testing::Fixture server(testing::Echo);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Ask(server.port(), "/" + std::to_string(i), {.method = "POST", .body = "b"}),
              "POST /" + std::to_string(i) + " body=b");
  }
  EXPECT_EQ(server.server->stats().accepted, 1u);
}

TEST_F(KeptConnectionsTest, TheyDoSoOverTls) {
  testing::TestAuthority authority;
  const auto certificate = authority.IssueServer();
  testing::Fixture server(testing::Echo,
                          {.tls = ServerTls{.certificate_pem = certificate.certificate_pem,
                                            .key_pem = certificate.key_pem,
                                            .client_ca_pem = {}}});
  tls_ = *MakeClientContext({.ca_pem = authority.certificate_pem()});
  EXPECT_EQ(Ask(server.port(), "/a"), "GET /a");
  EXPECT_EQ(Ask(server.port(), "/b"), "GET /b");
  EXPECT_EQ(server.server->stats().accepted, 1u);
  // Who trusts somebody else shares nothing with who was trusted before.
  tls_ = *MakeClientContext({.ca_pem = testing::TestAuthority("other").certificate_pem()});
  EXPECT_EQ(Ask(server.port(), "/c").substr(0, 5), "tls: ");
}

TEST_F(KeptConnectionsTest, AServerThatClosesIsAskedAnew) {
  testing::Fixture server([](const Request& request) {
    Response response = testing::Echo(request);
    response.SetHeader("Connection", "close");
    return response;
  });
  EXPECT_EQ(Ask(server.port(), "/a"), "GET /a");
  EXPECT_EQ(Ask(server.port(), "/b"), "GET /b");
  EXPECT_EQ(server.server->stats().accepted, 2u);
}

TEST_F(KeptConnectionsTest, ARequestOutlivesTheConnectionThatItWasPutOn) {
  auto first = std::make_unique<testing::Fixture>(testing::Echo);
  const int port = first->port();
  EXPECT_EQ(Ask(port, "/a"), "GET /a");
  first = nullptr;
  testing::Fixture second(testing::Echo, {.port = port});
  EXPECT_EQ(Ask(port, "/b"), "GET /b");
}

// Answers the first request on each of two connections, and closes the first one at the second
// request without a word.
class OneAnswerAConnection {
 public:
  ~OneAnswerAConnection() {
    shutdown(*listener_, SHUT_RDWR);
    thread_.join();
    close(*listener_);
  }
  int port() const { return LocalPort(*listener_); }
  int asked() const { return asked_; }

 private:
  void Serve() {
    pollfd coming{.fd = *listener_, .events = POLLIN, .revents = 0};
    for (int i = 0; i < 2; ++i) {
      poll(&coming, 1, -1);
      const int fd = accept(*listener_, nullptr, nullptr);
      if (fd < 0) return;
      const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst";
      if (ReadRequest(fd)) send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      if (i == 0) ReadRequest(fd);
      close(fd);
    }
  }
  bool ReadRequest(int fd) {
    std::string request;
    char byte;
    while (!request.ends_with("\r\n\r\n") && recv(fd, &byte, 1, 0) == 1) request += byte;
    if (!request.empty()) ++asked_;
    return !request.empty();
  }

  const Result<int> listener_ = ListenOn({.host = "127.0.0.1"});
  std::atomic<int> asked_ = 0;
  std::thread thread_{[this] { Serve(); }};
};

TEST_F(KeptConnectionsTest, WhatMayHaveBeenHeardIsSaidAgainUnlessItIsForOnce) {
  {
    OneAnswerAConnection server;
    EXPECT_EQ(Ask(server.port(), "/a"), "first");
    EXPECT_EQ(Ask(server.port(), "/b"), "first");
    EXPECT_EQ(server.asked(), 3);
    kept_ = MakeKeptConnections();
  }
  OneAnswerAConnection server;
  EXPECT_EQ(Ask(server.port(), "/a", {.method = "POST", .once = true}), "first");
  EXPECT_EQ(Ask(server.port(), "/b", {.method = "POST", .once = true}), "EOF");
  EXPECT_EQ(server.asked(), 2);
}

// The loop has heard of other things meanwhile, and may hear of this in the same turn as of that.
TEST_F(KeptConnectionsTest, WhatIsForOnceIsNotSaidToAServerThatHasGone) {
  for (int i = 0; i < 20; ++i) {
    auto first = std::make_unique<testing::Fixture>(testing::Echo);
    const int port = first->port();
    EXPECT_EQ(Ask(port, "/a"), "GET /a");
    std::promise<void> held;
    loops_.Next().Post([gone = held.get_future().share()] { gone.wait(); });
    first = nullptr;
    testing::Fixture second(testing::Echo, {.port = port});
    std::thread let([&] { held.set_value(); });
    EXPECT_EQ(Ask(port, "/b", {.method = "POST", .body = "x", .once = true}), "POST /b body=x");
    let.join();
  }
}

}  // namespace
}  // namespace skiff::http
