// What the asynchronous client makes of servers that answer oddly.
#include "http/client.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <string>
#include <thread>

#include "http/socket.h"

namespace skiff::http {
namespace {

// A server of one connection, which says what it is given.
class Saying {
 public:
  // `says` is called once the request has been read.
  explicit Saying(std::function<void(int fd)> says) {
    thread_ = std::thread([this, says = std::move(says)] {
      pollfd coming{.fd = *listener_, .events = POLLIN, .revents = 0};
      poll(&coming, 1, -1);  // The listener itself does not block.
      const int fd = accept(*listener_, nullptr, nullptr);
      // What is closed with something unread is reset.
      std::string request;
      char byte;
      while (!request.ends_with("\r\n\r\n") && recv(fd, &byte, 1, 0) == 1) request += byte;
      says(fd);
      close(fd);
    });
  }
  ~Saying() {
    thread_.join();
    close(*listener_);
  }
  // The status, or the error.
  std::string Ask(Upstream upstream, ClientRequest request = {}) {
    upstream.host = "127.0.0.1";
    upstream.port = LocalPort(*listener_);
    std::promise<Result<Opened>> answer;
    const auto exchange =
        Open(loops_, std::move(upstream), std::move(request),
             [&](Result<Opened> opened) { answer.set_value(std::move(opened)); });
    const auto opened = answer.get_future().get();
    return opened ? std::to_string(opened->status) : opened.error().message;
  }

 private:
  const Result<int> listener_ = ListenOn({.host = "127.0.0.1"});
  Loops loops_{1};
  std::thread thread_;
};

// False: nobody reads any more.
bool Write(int fd, const std::string& text) {
  return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

const std::string kEarly = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

TEST(Client, EarlyAnswersComeBeforeTheOneThatCounts) {
  Saying server([](int fd) {
    for (int i = 0; i < 100; ++i) Write(fd, kEarly);
    Write(fd, "HTTP/1.1 204 No Content\r\n\r\n");
  });
  EXPECT_EQ(server.Ask({}), "204");
}

// Nor does it wait for the last one where there is no time that it has to be there by.
TEST(Client, EarlyAnswersWithoutEndAreNotWaitedFor) {
  Saying server([](int fd) {
    while (Write(fd, kEarly)) continue;
  });
  EXPECT_EQ(server.Ask({}), "server response headers exceeded the limit");
}

// Whoever may choose a part of a request chooses no other request with it.
TEST(Client, WhatIsNoRequestLineIsNotSent) {
  const std::string another = " HTTP/1.1\r\nHost: b\r\n\r\nPOST /b";
  ClientRequest by_header;
  by_header.headers.emplace("A: b\r\nC", "d");
  for (const ClientRequest& request :
       {ClientRequest{.target = "/a" + another}, ClientRequest{.target = "/a b"},
        ClientRequest{.target = ""}, ClientRequest{.method = "GET /a" + another}, by_header}) {
    Saying server([](int fd) { Write(fd, "HTTP/1.1 204 No Content\r\n\r\n"); });
    const std::string answer = server.Ask({}, request);
    EXPECT_TRUE(answer.starts_with("net/http: invalid ")) << request.target << ": " << answer;
  }
}

}  // namespace
}  // namespace skiff::http
