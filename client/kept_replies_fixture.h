// A server for tests that answers what is left to it (client/mailbox.h) when the test says so.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/transport.h"

namespace skiff {

class KeptReplies {
 public:
  // `told`: what is noted of a request.
  explicit KeptReplies(std::function<std::string(const http::Request&)> told)
      : told_(std::move(told)) {}

  // All that have come so far, answered or not.
  const std::vector<std::string>& asked() const { return asked_; }
  bool empty() const { return kept_.empty(); }
  void AnswerAll(int status, const std::string& body = "{}") {
    for (const http::LateReplyPtr& reply : std::exchange(kept_, {})) {
      reply->OnLoop([status, body] {
        http::Response response;
        response.status = status;
        response.body = body;
        return response;
      });
    }
  }
  Transport& transport() { return transport_; }

 private:
  const std::function<std::string(const http::Request&)> told_;
  std::vector<std::string> asked_;
  std::vector<http::LateReplyPtr> kept_;
  // Whoever waits for an answer is told that the server is away.
  InProcessTransport transport_{
      [](const http::Request&) { return http::Response{.status = 503}; },
      InProcessTransport::Bodies::kText,
      [this](const http::Request& request, const http::LateReplyPtr& reply) {
        asked_.push_back(told_(request));
        kept_.push_back(reply);
        return std::optional<http::Response>();
      }};
};

}  // namespace skiff
