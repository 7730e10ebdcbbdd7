#include "http/http2_head.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace skiff::http {
namespace {

constexpr size_t kFieldOverhead = 32;

// What is of a connection of HTTP/1.1, in the order in which Go looks for them.
constexpr std::array<std::string_view, 5> kConnectionFields = {
    "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"};

// Go's words for a head that speaks of its connection; "" when it does not.
std::string ConnectionFault(const Headers& headers) {
  for (const std::string_view name : kConnectionFields) {
    if (headers.contains(name)) {
      return "request header \"" + std::string(name) + "\" is not valid in HTTP/2";
    }
  }
  const auto te = headers.find("TE");
  if (te == headers.end() || te->second.empty() ||
      (headers.count("TE") == 1 && te->second == "trailers")) {
    return "";
  }
  return "request header \"TE\" may only be \"trailers\" in HTTP/2";
}

void AddField(std::string_view name, std::string_view value, Http2Fields& out) {
  std::string clean(value);
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  out.emplace_back(Lower(name), std::move(clean));
}

}  // namespace

void Http2HeadReader::Add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kFieldOverhead;
  if (bytes_ > bytes_max_ || head_.headers.size() == kHeadersMax) {
    too_large_ = true;
    head_ = {};
  }
  if (too_large_ || malformed_) return;
  if (name.starts_with(':')) return AddPseudo(name, value);
  if (!IsToken(name) || std::any_of(name.begin(), name.end(), IsUpper) || !IsFieldValue(value)) {
    malformed_ = true;
    return;
  }
  // Clients may cut it up, so that its parts compress better.
  const auto cookie = name == "cookie" ? head_.headers.find(name) : head_.headers.end();
  if (cookie != head_.headers.end()) {
    cookie->second.append("; ").append(value);
  } else {
    head_.headers.emplace(name, value);
  }
}

void Http2HeadReader::AddPseudo(std::string_view name, std::string_view value) {
  std::string* const field = name == ":method"      ? &head_.method
                             : name == ":path"      ? &head_.target
                             : name == ":scheme"    ? &scheme_
                             : name == ":authority" ? &authority_
                                                    : nullptr;
  // Each once, none empty but a missing authority, and before all others.
  if (field == nullptr || !field->empty() || !head_.headers.empty() || !IsFieldValue(value) ||
      (value.empty() && field != &authority_)) {
    malformed_ = true;
    return;
  }
  *field = value;
}

bool Http2HeadReader::IsWellFormed() const {
  if (malformed_ || !IsToken(head_.method)) return false;
  if (head_.method == "CONNECT") {
    return head_.target.empty() && scheme_.empty() && !authority_.empty();
  }
  return IsTarget(head_.target) && (scheme_ == "http" || scheme_ == "https");
}

Http2HeadReader::Verdict Http2HeadReader::Finish(RequestHead& head, HeadFault& fault) {
  if (too_large_) {
    fault = {431, ""};
    return Verdict::kRefused;
  }
  if (!IsWellFormed()) return Verdict::kMalformed;
  if (std::string text = ConnectionFault(head_.headers); !text.empty()) {
    fault = {400, std::move(text)};
    return Verdict::kRefused;
  }
  if (const auto bad = SplitTarget(head_)) {
    if (bad->status == 400) return Verdict::kMalformed;
    fault = *bad;
    return Verdict::kRefused;
  }
  if (ParseFraming(head_.headers, head_.framing)) return Verdict::kMalformed;
  if (!authority_.empty()) {
    head_.headers.erase("host");
    head_.headers.emplace("host", std::move(authority_));
  } else if (head_.headers.count("host") > 1) {
    return Verdict::kMalformed;
  }
  const auto expect = head_.headers.find("expect");
  head_.expects_continue =
      expect != head_.headers.end() && EqualsIgnoreCase(expect->second, "100-continue");
  head = std::move(head_);
  return Verdict::kTaken;
}

Http2Fields Http2ResponseFields(const Response& response, const Framing& framing) {
  Http2Fields out;
  out.reserve(response.headers.size() + 4);
  out.emplace_back(":status", std::to_string(response.status));
  for (const auto& [name, value] : response.headers) {
    const bool of_connection =
        std::any_of(kConnectionFields.begin(), kConnectionFields.end(),
                    [&](std::string_view field) { return EqualsIgnoreCase(name, field); });
    // What frames the body is decided here alone.
    if (!of_connection && !EqualsIgnoreCase(name, "Content-Length")) AddField(name, value, out);
  }
  if (!response.content_type.empty()) AddField("content-type", response.content_type, out);
  if (response.Header("Date").empty()) AddField("date", DateNow(), out);
  if (framing.content_length) {
    AddField("content-length", std::to_string(*framing.content_length), out);
  }
  return out;
}

}  // namespace skiff::http
