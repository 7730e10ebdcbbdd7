#include "client/transport.h"

#include <fmt/format.h>

#include <future>
#include <utility>

#include "api/codec/json.h"
#include "api/values.h"

namespace skiff {
namespace {

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

void AppendEncoded(std::string& out, std::string_view text, std::string_view kept) {
  for (const char c : text) {
    if (IsUnreserved(c) || kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
}

// Waits for an answer that is still pending.
http::Response Awaited(http::Response response) {
  if (!response.pending) return response;
  std::promise<http::Response> answer;
  auto arrived = answer.get_future();
  response.pending->Start([&answer](http::Response late) { answer.set_value(std::move(late)); });
  return arrived.get();
}

// An answer that is there.
Transport::MakeAnswer Made(http::Response response) {
  return [held = std::make_shared<http::Response>(std::move(response))] {
    return std::move(*held);
  };
}

// The way back to somebody in this process. Who is told keeps it, and by it the request.
class ReplyWithin final : public http::LateReply,
                          public std::enable_shared_from_this<ReplyWithin> {
 public:
  ReplyWithin(http::Request request, Transport::Then then)
      : request_(std::move(request)), then_(std::move(then)) {}
  ~ReplyWithin() override {
    if (!then_) return;
    http::Response lost;
    lost.status = 502;
    then_(Made(std::move(lost)));
  }
  const http::Request& request() const { return request_; }
  void OnLoop(Make make) override { Tell(std::move(make)); }
  void OnWorker(Make make) override { Tell(std::move(make)); }
  void Tell(Make make) {
    std::exchange(then_, nullptr)([self = shared_from_this(), make = std::move(make)] {
      return Awaited(make());
    });
  }

 private:
  const http::Request request_;
  Transport::Then then_;
};

}  // namespace

void Transport::SendLater(http::Request request, Then then) {
  then(Made(Send(std::move(request))));
}

http::Response NotAsked(const std::string& message) {
  http::Response response;
  response.status = 503;
  response.content_type = "application/json";
  response.body = DumpJson({{"kind", "Status"},
                            {"apiVersion", "v1"},
                            {"status", "Failure"},
                            {"reason", "ServiceUnavailable"},
                            {"code", 503},
                            {"message", message}});
  return response;
}

std::string EncodeTarget(const http::Request& request) {
  std::string target;
  AppendEncoded(target, request.path, "/:@!$&'()*+,;=");
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    target += separator;
    AppendEncoded(target, name, "");
    target += '=';
    AppendEncoded(target, value, "/:,");
    separator = '&';
  }
  return target;
}

http::Response InProcessTransport::Send(http::Request request) {
  request.target = EncodeTarget(request);
  request.secure = true;
  return Awaited(handle_(request));
}

void InProcessTransport::SendLater(http::Request request, Then then) {
  if (!handle_later_) return Transport::SendLater(std::move(request), std::move(then));
  request.target = EncodeTarget(request);
  request.secure = true;
  const auto reply = std::make_shared<ReplyWithin>(std::move(request), std::move(then));
  if (auto answer = handle_later_(reply->request(), reply)) reply->Tell(Made(std::move(*answer)));
}

}  // namespace skiff
