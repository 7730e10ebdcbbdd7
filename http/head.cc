#include "http/head.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/text.h"

namespace skiff::http {
namespace {

constexpr const char* kLongTrailer = "http: suspiciously long trailer after chunked body";
constexpr const char* kNoChunks = "malformed chunked encoding";

bool IsTokenChar(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsFieldChar(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 127);
}

bool IsTargetChar(char c) {
  return static_cast<unsigned char>(c) > ' ' && c != 127;
}

HeadFault Bad(std::string text) {
  return {400, std::move(text)};
}

// Cuts the first line off; false when it does not end in CR LF.
bool TakeLine(std::string_view& rest, std::string_view& line) {
  const size_t end = rest.find('\n');
  if (end == rest.npos || end == 0 || rest[end - 1] != '\r') return false;
  line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  return true;
}

std::optional<HeadFault> ParseHeaders(std::string_view rest, Headers& headers) {
  std::string_view line;
  while (TakeLine(rest, line)) {
    if (line.empty()) return std::nullopt;
    const size_t colon = line.find(':');
    // A name with a space before its colon, or a folded line, is read differently by different
    // programs on the way, which is how requests are smuggled.
    if (colon == line.npos || !IsToken(line.substr(0, colon))) {
      return Bad("malformed MIME header line");
    }
    const std::string_view value = WithoutBlanks(line.substr(colon + 1), " \t");
    if (!IsFieldValue(value)) return Bad("invalid header value");
    if (headers.size() == kHeadersMax) return HeadFault{431, ""};
    headers.emplace(line.substr(0, colon), value);
  }
  return Bad("malformed MIME header line");
}

bool AnyHasToken(const Headers& headers, std::string_view name, std::string_view token) {
  const auto [first, last] = headers.equal_range(name);
  return std::any_of(first, last, [&](const auto& h) { return HasToken(h.second, token); });
}

// "HTTP/1.1" -> 1; another 1.x counts as 1.1. -1 for what is no version, -2 for another major one.
int MinorVersion(std::string_view text) {
  if (text.size() != 8 || text.substr(0, 5) != "HTTP/" || text[6] != '.') return -1;
  if (text[5] < '0' || text[5] > '9' || text[7] < '0' || text[7] > '9') return -1;
  if (text[5] != '1') return -2;
  return text[7] == '0' ? 0 : 1;
}

// Whether each "%" has two digits behind it.
bool IsEscapedWell(std::string_view path) {
  const auto is_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  for (size_t at = path.find('%'); at != path.npos; at = path.find('%', at + 3)) {
    if (at + 2 >= path.size() || !is_digit(path[at + 1]) || !is_digit(path[at + 2])) return false;
  }
  return true;
}

std::optional<HeadFault> ParseRequestLine(std::string_view line, RequestHead& head) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == line.npos || first == last) return Bad("malformed HTTP request");
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  head.minor_version = MinorVersion(line.substr(last + 1));
  if (head.minor_version == -1) return Bad("malformed HTTP version");
  if (head.minor_version == -2) return HeadFault{505, "unsupported protocol version"};
  if (!IsToken(head.method)) return Bad("invalid method");
  if (!IsTarget(head.target)) return Bad("malformed HTTP request");
  return SplitTarget(head);
}

void AppendHeader(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ");
  const size_t start = out.size();
  out.append(value);
  std::replace_if(
      out.begin() + static_cast<ptrdiff_t>(start), out.end(),
      [](char c) { return c == '\r' || c == '\n'; }, ' ');
  out.append("\r\n");
}

}  // namespace

size_t BytesOfHead(const RequestHead& head) {
  constexpr size_t kPerHeader = 64;
  size_t bytes = head.target.size() + head.path.size() + head.query.size();
  for (const auto& [name, value] : head.headers) bytes += name.size() + value.size() + kPerHeader;
  return bytes;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

bool IsFieldValue(std::string_view text) {
  return std::all_of(text.begin(), text.end(), IsFieldChar);
}

bool IsTarget(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTargetChar);
}

std::optional<HeadFault> ParseFraming(const Headers& headers, Framing& framing) {
  const auto [first_te, last_te] = headers.equal_range("Transfer-Encoding");
  const auto [first_cl, last_cl] = headers.equal_range("Content-Length");
  for (auto it = first_cl; it != last_cl; ++it) {
    const std::string& text = it->second;
    uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const bool digits =
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || error != std::errc() || end != text.data() + text.size() || length > INT64_MAX ||
        (framing.content_length && *framing.content_length != length)) {
      return Bad("bad Content-Length \"" + text + "\"");
    }
    framing.content_length = length;
  }
  if (first_te == last_te) return std::nullopt;
  if (std::next(first_te) != last_te || !EqualsIgnoreCase(first_te->second, "chunked")) {
    return HeadFault{501, "Unsupported transfer encoding"};
  }
  if (framing.content_length) return Bad("Transfer-Encoding and Content-Length");
  framing.chunked = true;
  return std::nullopt;
}

std::optional<HeadFault> SplitTarget(RequestHead& head) {
  std::string_view rest = head.target;
  if (head.method == "CONNECT") return HeadFault{405, ""};
  if (rest == "*" && head.method == "OPTIONS") {
    head.path = "*";
    return std::nullopt;
  }
  if (rest.front() != '/') {
    // As sent to proxies: the path begins after scheme and host.
    const size_t scheme = rest.find("://");
    if (scheme == rest.npos || rest.find('/') != scheme + 1) return Bad("invalid URI for request");
    rest.remove_prefix(std::min(rest.find_first_of("/?", scheme + 3), rest.size()));
  }
  const size_t question = rest.find('?');
  head.path = rest.substr(0, question);
  if (head.path.empty()) head.path = "/";
  if (!IsEscapedWell(head.path)) return HeadFault{400, ""};  // Go's server says no more.
  if (question == rest.npos) return std::nullopt;
  head.query = rest.substr(question + 1);
  const auto more = std::count(head.query.begin(), head.query.end(), '&');
  if (static_cast<size_t>(more) >= kParametersMax) return HeadFault{431, ""};
  return std::nullopt;
}

// Computed once a second and thread.
const std::string& DateNow() {
  thread_local std::time_t last = 0;
  thread_local std::string text;
  if (const std::time_t now = std::time(nullptr); now != last) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    char buffer[64];
    text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
    last = now;
  }
  return text;
}

size_t FindHeadEnd(std::string_view bytes, size_t& searched) {
  // The end is an empty line; a bare LF counts here, so that the parser can refuse it at once.
  for (size_t i = bytes.find('\n', searched); i != bytes.npos; i = bytes.find('\n', i + 1)) {
    searched = i;
    if (i + 1 < bytes.size() && bytes[i + 1] == '\n') return i + 2;
    if (i + 2 < bytes.size() && bytes[i + 1] == '\r' && bytes[i + 2] == '\n') return i + 3;
    if (i + 2 >= bytes.size()) return bytes.npos;
  }
  searched = bytes.size();
  return bytes.npos;
}

std::optional<HeadFault> ParseRequestHead(std::string_view bytes, RequestHead& head) {
  std::string_view line;
  if (!TakeLine(bytes, line)) return Bad("malformed HTTP request");
  if (auto fault = ParseRequestLine(line, head)) return fault;
  if (auto fault = ParseHeaders(bytes, head.headers)) return fault;
  if (auto fault = ParseFraming(head.headers, head.framing)) return fault;
  const size_t hosts = head.headers.count("Host");
  if (hosts > 1) return Bad("too many Host headers");
  if (hosts == 0 && head.minor_version > 0) return Bad("missing required Host header");
  if (head.minor_version == 0) {
    if (head.framing.chunked) return Bad("chunked body in HTTP/1.0");
    head.keep_alive = AnyHasToken(head.headers, "Connection", "keep-alive");
  } else {
    head.keep_alive = !AnyHasToken(head.headers, "Connection", "close");
    if (const auto it = head.headers.find("Expect"); it != head.headers.end()) {
      if (!EqualsIgnoreCase(it->second, "100-continue")) return HeadFault{417, ""};
      head.expects_continue = true;
    }
  }
  return std::nullopt;
}

std::optional<HeadFault> ParseResponseHead(std::string_view bytes, ResponseHead& head) {
  std::string_view line;
  const size_t blank = TakeLine(bytes, line) ? line.find(' ') : line.npos;
  if (blank == line.npos) return Bad("malformed HTTP response \"" + std::string(line) + "\"");
  const std::string_view rest = WithoutBlanks(line.substr(blank), " ");
  const std::string_view code = rest.substr(0, rest.find(' '));
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), head.status);
  if (code.size() != 3 || error != std::errc() || end != code.data() + 3 || head.status < 100) {
    return Bad("malformed HTTP status code \"" + std::string(code) + "\"");
  }
  head.minor_version = MinorVersion(line.substr(0, blank));
  if (head.minor_version < 0) {
    return Bad("malformed HTTP version \"" + std::string(line.substr(0, blank)) + "\"");
  }
  if (auto fault = ParseHeaders(bytes, head.headers)) return fault;
  // As Go's client does, in its words. In HTTP/1.0 there are no chunks, whatever is said of them.
  if (head.minor_version == 0) head.headers.erase("Transfer-Encoding");
  const auto [first, last] = head.headers.equal_range("Transfer-Encoding");
  if (first != last) head.headers.erase("Content-Length");
  auto fault = ParseFraming(head.headers, head.framing);
  if (fault && fault->status == 501) {
    fault->text = "unsupported transfer encoding: \"" + first->second + "\"";
  }
  return fault;
}

ChunkDecoder::State ChunkDecoder::Decode(std::string_view in, size_t& taken, std::string& out) {
  taken = 0;
  while (taken < in.size()) {
    if (part_ == Part::kData) {
      const size_t take = std::min<uint64_t>(left_, in.size() - taken);
      out.append(in.substr(taken, take));
      taken += take;
      left_ -= take;
      if (left_ == 0) part_ = Part::kDataEnd;
      continue;
    }
    const size_t end = in.find('\n', taken);
    const size_t take = (end == in.npos ? in.size() : end + 1) - taken;
    if (line_.size() + take > kLineBytesMax) {
      return Bad(part_ == Part::kTrailer ? kLongTrailer : "header line too long");
    }
    line_.append(in.substr(taken, take));
    taken += take;
    if (end == in.npos) return State::kMore;
    const State state = OnLine();
    line_.clear();
    if (state != State::kMore) return state;
  }
  return State::kMore;
}

ChunkDecoder::State ChunkDecoder::OnLine() {
  if (line_.size() < 2 || line_[line_.size() - 2] != '\r') {
    return Bad(part_ == Part::kDataEnd ? kNoChunks : "chunked line ends with bare LF");
  }
  const std::string_view line = std::string_view(line_).substr(0, line_.size() - 2);
  if (part_ == Part::kDataEnd) {
    part_ = Part::kSize;
    return line.empty() ? State::kMore : Bad(kNoChunks);
  }
  if (part_ == Part::kTrailer) {
    trailer_bytes_ += line_.size();
    if (line.empty()) return State::kEnd;
    if (trailer_bytes_ > kTrailerBytesMax) return Bad(kLongTrailer);
    if (line.find(':') != line.npos) return State::kMore;
    return Bad("malformed MIME header: missing colon: \"" + std::string(line) + "\"");
  }
  return ReadSize(line);
}

ChunkDecoder::State ChunkDecoder::ReadSize(std::string_view line) {
  constexpr size_t kDigitsMax = 16;
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  const std::string_view size = line.substr(0, line.find(';'));
  if (size.empty()) return Bad("empty hex number for chunk length");
  const size_t digits =
      std::from_chars(size.data(), size.data() + size.size(), left_, 16).ptr - size.data();
  if (digits > kDigitsMax) return Bad("http chunk length too large");
  if (digits != size.size()) return Bad("invalid byte in chunk length");
  part_ = left_ == 0 ? Part::kTrailer : Part::kData;
  return State::kMore;
}

std::string SerializeHeaders(const Headers& headers) {
  std::string out;
  for (const auto& [name, value] : headers) AppendHeader(name, value, out);
  return out;
}

std::string SerializeResponseHead(const Response& response, bool keep_alive,
                                  const Framing& framing) {
  std::string out;
  out.reserve(256);
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(StatusText(response.status)).append("\r\n");
  for (const auto& [name, value] : response.headers) {
    // What frames the body is decided here alone.
    if (EqualsIgnoreCase(name, "Content-Length") || EqualsIgnoreCase(name, "Transfer-Encoding")) {
      continue;
    }
    if (EqualsIgnoreCase(name, "Connection") && HasToken(value, "close")) continue;
    AppendHeader(name, value, out);
  }
  if (!response.content_type.empty()) AppendHeader("Content-Type", response.content_type, out);
  if (response.Header("Date").empty()) AppendHeader("Date", DateNow(), out);
  if (framing.chunked) AppendHeader("Transfer-Encoding", "chunked", out);
  if (framing.content_length) {
    AppendHeader("Content-Length", std::to_string(*framing.content_length), out);
  }
  if (!keep_alive && !response.upgrade) AppendHeader("Connection", "close", out);
  out.append("\r\n");
  return out;
}

}  // namespace skiff::http
