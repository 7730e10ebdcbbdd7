#include "apiserver/request/proxied_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace skiff {
namespace {

std::string PercentEncoded(std::string_view text, std::string_view plain) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

// A blank is a plus.
std::string QueryPart(std::string_view text) {
  std::string out;
  while (true) {
    const size_t blank = std::min(text.find(' '), text.size());
    out += PercentEncoded(text.substr(0, blank), "-_.~");
    if (blank == text.size()) return out;
    out += '+';
    text.remove_prefix(blank + 1);
  }
}

}  // namespace

std::string EscapePath(std::string_view path) {
  return PercentEncoded(path, "-_.~$&+,/:;=@");
}

std::string QueryText(std::vector<std::pair<std::string, std::string>> query) {
  std::stable_sort(query.begin(), query.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out;
  for (const auto& [name, value] : query) {
    out += (out.empty() ? "?" : "&") + QueryPart(name) + "=" + QueryPart(value);
  }
  return out;
}

void RemoveCorsHeaders(http::Response& response) {
  for (const char* name : {"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers",
                           "Access-Control-Allow-Methods", "Access-Control-Allow-Origin"}) {
    response.headers.erase(name);
  }
}

}  // namespace skiff
