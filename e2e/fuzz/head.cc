// Heads of requests and answers, and chunked bodies.
#include "http/head.h"

#include "base/error.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

void CheckHeaders(const http::Headers& headers) {
  for (const auto& [name, value] : headers) {
    CHECK(!name.empty());
    CHECK((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
}

struct Decoded {
  http::ChunkDecoder::State state = http::ChunkDecoder::State::kMore;
  std::string body;
};

Decoded Decode(std::string_view bytes, size_t step) {
  http::ChunkDecoder decoder;
  Decoded out;
  while (!bytes.empty() && out.state == http::ChunkDecoder::State::kMore) {
    std::string_view part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    while (!part.empty() && out.state == http::ChunkDecoder::State::kMore) {
      size_t taken = 0;
      out.state = decoder.Decode(part, taken, out.body);
      CHECK(taken <= part.size());
      part.remove_prefix(taken);
      if (taken == 0) break;
    }
  }
  return out;
}

}  // namespace

void Head(std::string_view bytes) {
  size_t searched = 0, searched_slowly = 0;
  const size_t end = http::FindHeadEnd(bytes, searched);
  size_t found = std::string_view::npos;
  for (size_t i = 0; i <= bytes.size() && found == std::string_view::npos; ++i) {
    found = http::FindHeadEnd(bytes.substr(0, i), searched_slowly);
  }
  CHECK(found == end);
  if (end != std::string_view::npos) {
    http::RequestHead request;
    if (!http::ParseRequestHead(bytes.substr(0, end), request)) {
      CheckHeaders(request.headers);
      CHECK(!request.method.empty());
      CHECK(!(request.framing.chunked && request.framing.content_length));
    }
    http::ResponseHead response;
    if (!http::ParseResponseHead(bytes.substr(0, end), response)) CheckHeaders(response.headers);
    bytes.remove_prefix(end);
  }
  // A body reads the same wherever it is cut.
  const Decoded whole = Decode(bytes, bytes.size() + 1);
  const Decoded cut = Decode(bytes, 1);
  CHECK(whole.state == cut.state);
  CHECK(whole.body == cut.body);
}

}  // namespace skiff::fuzz
