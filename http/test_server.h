// A server whose handler is a function, for tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "http/server.h"

namespace skiff::http::testing {

class FunctionHandler : public Handler {
 public:
  explicit FunctionHandler(std::function<Response(const Request&)> handle)
      : handle_(std::move(handle)) {}
  Response Handle(const Request& request) override { return handle_(request); }

 private:
  const std::function<Response(const Request&)> handle_;
};

inline Response Text(std::string text) {
  Response response;
  response.content_type = "text/plain";
  response.body = std::move(text);
  return response;
}

// A server whose handler is a function, and what it needs.
struct Fixture {
  explicit Fixture(std::function<Response(const Request&)> handle, Server::Options options = {},
                   int threads = 2)
      : loops(threads), handler(std::move(handle)) {
    auto started = Server::Start(std::move(options), loops, handler);
    CHECK(started.has_value());
    server = std::move(*started);
  }
  int port() const { return server->port(); }
  // A client may have his answer before the server lets go of his request.
  void AwaitNothingHeld() const {
    while (server->stats().held_bytes > 0) std::this_thread::yield();
  }

  Loops loops;
  FunctionHandler handler;
  std::unique_ptr<Server> server;
};

inline Response Echo(const Request& request) {
  std::string text = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) text += " " + name + "=" + value;
  return Text(text + (request.body.empty() ? "" : " body=" + request.body));
}

}  // namespace skiff::http::testing
