#include "client/transport.h"

#include <fmt/format.h>

#include <future>

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

}  // namespace

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
  http::Response response = handle_(request);
  if (!response.pending) return response;
  std::promise<http::Response> answer;
  auto arrived = answer.get_future();
  response.pending->Start([&answer](http::Response late) { answer.set_value(std::move(late)); });
  return arrived.get();
}

}  // namespace skiff
