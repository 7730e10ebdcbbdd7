// The heads of requests and answers, and chunked bodies: strict, incremental, pure. Internal.
//
// Why not httplib's engine: it percent-decodes header values (so "%0d%0a" in one becomes a header
// of its own, and Impersonate-User names somebody else), refuses lines over 8 KiB (long exec
// commands, tokens), sorts the query, consumes multipart bodies and cuts answers by Range. See
// docs/decisions/0010-own-http-parser.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace skiff::http {

// Why a head cannot be taken, as the answer to it: 400, 417, 431, 501, 505.
struct HeadFault {
  int status = 0;
  std::string text;  // As in "400 Bad Request: text"; "" for just the status.
};

// What follows a head.
struct Framing {
  bool chunked = false;
  std::optional<uint64_t> content_length;
};

struct RequestHead {
  std::string method;
  std::string target;  // As sent.
  std::string path;    // Encoded still, without query; "*" for OPTIONS *.
  std::string query;   // Encoded still.
  int minor_version = 1;
  Headers headers;
  Framing framing;
  bool keep_alive = true;
  bool expects_continue = false;
};
// What it takes, about.
size_t BytesOfHead(const RequestHead& head);

struct ResponseHead {
  int status = 0;
  int minor_version = 1;
  Headers headers;
  Framing framing;
};

inline constexpr size_t kHeadersMax = 1'000;
// Of a query, as in Go: each takes two texts of memory, and as few as two bytes of the target.
inline constexpr size_t kParametersMax = 10'000;

// The length of the head at the start of `bytes`, its empty line included; npos when it is not all
// there. `searched` saves looking twice; begin with 0.
size_t FindHeadEnd(std::string_view bytes, size_t& searched);
// `bytes` is a whole head as FindHeadEnd bounds it.
std::optional<HeadFault> ParseRequestHead(std::string_view bytes, RequestHead& head);
std::optional<HeadFault> ParseResponseHead(std::string_view bytes, ResponseHead& head);

// What a head of HTTP/2 has in common with these. `head.target` and `method` are set; fills in path
// and query.
std::optional<HeadFault> SplitTarget(RequestHead& head);
// Both a length and chunks are refused, as who is in between may go by the one or the other.
std::optional<HeadFault> ParseFraming(const Headers& headers, Framing& framing);
bool IsToken(std::string_view text);
bool IsFieldValue(std::string_view text);
bool IsTarget(std::string_view text);
// Now, as RFC 7231 writes it.
const std::string& DateNow();

// Takes the chunk framing off a body.
class ChunkDecoder {
 public:
  enum class State { kMore, kEnd, kBad };
  // Appends the data in `in` to `out`, and says in `taken` how much of `in` was looked at.
  State Decode(std::string_view in, size_t& taken, std::string& out);
  // Behind kBad: what is, as Go says it.
  const std::string& fault() const { return fault_; }

 private:
  enum class Part { kSize, kData, kDataEnd, kTrailer };
  static constexpr size_t kLineBytesMax = 4096;
  static constexpr size_t kTrailerBytesMax = 16 << 10;
  // One line of framing is in line_: a size, the end of a chunk, or a trailer.
  State OnLine();
  State ReadSize(std::string_view line);
  State Bad(std::string fault) {
    fault_ = std::move(fault);
    return State::kBad;
  }

  Part part_ = Part::kSize;
  uint64_t left_ = 0;  // Of the present chunk.
  std::string line_;   // As far as it has come.
  size_t trailer_bytes_ = 0;
  std::string fault_;
};

// The status line, the headers with `content_type`, Date, and the empty line. Line breaks in header
// values become spaces.
std::string SerializeResponseHead(const Response& response, bool keep_alive,
                                  const Framing& framing);
std::string SerializeHeaders(const Headers& headers);

}  // namespace skiff::http
