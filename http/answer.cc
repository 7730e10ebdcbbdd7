#include "http/answer.h"

#include <cstdlib>
#include <iterator>

namespace skiff::http {
namespace {

constexpr size_t kInlineBodyBytesMax = 16 << 10;  // Copied behind the head, to be sent as one.

bool IsBodiless(int status) {
  return status == 204 || status == 304 || status < 200;
}

// How long the body is; what cannot be said is told by chunks, by the end of the connection, or by
// that of the stream.
void Frame(const Response& response, const RequestTraits& traits, PreparedAnswer& answer) {
  if (response.upgrade || IsBodiless(response.status)) return;
  const std::string_view promised = response.Header("Content-Length");
  if (!response.stream && (!traits.is_head || promised.empty())) {
    size_t length = response.body.size();
    for (const auto& piece : response.pieces) length += piece->size();
    answer.framing.content_length = length;
  } else if (!promised.empty()) {
    answer.framing.content_length = std::strtoull(std::string(promised).c_str(), nullptr, 10);
  } else if (traits.stream != 0) {
    return;
  } else if (traits.minor_version > 0) {
    answer.framing.chunked = true;
  } else {
    answer.keep_alive = false;
  }
}

// A handler that would take the connection over: as Go's servers, which let none do that here.
Response NothingToTakeOver() {
  Response response;
  response.status = 500;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "unable to upgrade: a stream of HTTP/2 cannot be taken over\n";
  return response;
}

}  // namespace

Response TooBusy() {
  Response response;
  response.status = 429;
  response.content_type = "text/plain; charset=utf-8";
  response.SetHeader("Retry-After", "1");
  response.body = "Too many requests, please try again later.\n";
  return response;
}

Response AnswerTo(const HeadFault& fault) {
  Response response;
  response.status = fault.status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::to_string(fault.status) + " " + std::string(StatusText(fault.status));
  if (!fault.text.empty()) response.body += ": " + fault.text;
  return response;
}

PreparedAnswer Prepare(Response response, const RequestTraits& traits) {
  PreparedAnswer answer;
  if (response.pending) {
    answer.pending = std::move(response.pending);
    return answer;
  }
  const bool http2 = traits.stream != 0;
  if (http2 && response.upgrade) response = NothingToTakeOver();
  answer.keep_alive = traits.keep_alive && !HasToken(response.Header("Connection"), "close");
  const bool upgrade = response.upgrade != nullptr;
  Frame(response, traits, answer);
  if (http2) {
    answer.fields = Http2ResponseFields(response, answer.framing);
  } else {
    if (traits.minor_version == 0 && answer.keep_alive && !upgrade) {
      response.SetHeader("Connection", "keep-alive");
    }
    answer.head = SerializeResponseHead(response, answer.keep_alive, answer.framing);
  }
  answer.upgrade = std::move(response.upgrade);
  if (IsBodiless(response.status) || traits.is_head || upgrade) return answer;
  answer.stream = std::move(response.stream);
  if (answer.stream) return answer;
  if (!http2 && response.body.size() <= kInlineBodyBytesMax) {
    answer.head += response.body;
  } else if (!response.body.empty()) {
    answer.pieces.push_back(std::make_shared<const std::string>(std::move(response.body)));
  }
  answer.pieces.insert(answer.pieces.end(), std::make_move_iterator(response.pieces.begin()),
                       std::make_move_iterator(response.pieces.end()));
  return answer;
}

}  // namespace skiff::http
