#include "http/message.h"

#include <algorithm>

#include "base/text.h"

namespace skiff::http {
namespace {

struct StatusName {
  int status;
  std::string_view text;
};

// As Go names them.
constexpr StatusName kStatusNames[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Request Entity Too Large"},
    {414, "Request URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Requested Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Entity"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Each '%' begins an escape, and no ';' stands for a '&'.
bool IsWellWritten(std::string_view query_part) {
  if (query_part.find(';') != query_part.npos) return false;
  for (size_t at = query_part.find('%'); at != query_part.npos; at = query_part.find('%', at + 3)) {
    if (at + 2 >= query_part.size() || HexValue(query_part[at + 1]) < 0 ||
        HexValue(query_part[at + 2]) < 0) {
      return false;
    }
  }
  return true;
}

std::string_view Find(const Headers& headers, std::string_view name) {
  // lower_bound, because find may give any of several equal names.
  const auto it = headers.lower_bound(name);
  return it != headers.end() && EqualsIgnoreCase(it->first, name) ? std::string_view(it->second)
                                                                  : std::string_view();
}

}  // namespace

bool CaseInsensitiveLess::operator()(std::string_view a, std::string_view b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return Lower(x) < Lower(y); });
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Request::Header(std::string_view name) const {
  return Find(headers, name);
}

std::string_view Response::Header(std::string_view name) const {
  return Find(headers, name);
}

std::optional<std::string_view> Request::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string UrlDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 &&
        HexValue(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' && plus_is_space ? ' ' : text[i]);
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    if (part.empty() || !IsWellWritten(part)) continue;
    const size_t equals = part.find('=');
    out.emplace_back(
        UrlDecode(part.substr(0, equals), true),
        equals == part.npos ? std::string() : UrlDecode(part.substr(equals + 1), true));
  }
  return out;
}

bool HasToken(std::string_view value, std::string_view token) {
  while (!value.empty()) {
    std::string_view part = value.substr(0, value.find(','));
    value.remove_prefix(std::min(value.size(), part.size() + 1));
    const size_t first = part.find_first_not_of(" \t");
    if (first == part.npos) continue;
    part = part.substr(first, part.find_last_not_of(" \t") - first + 1);
    if (EqualsIgnoreCase(part, token)) return true;
  }
  return false;
}

std::string_view StatusText(int status) {
  for (const auto& name : kStatusNames) {
    if (name.status == status) return name.text;
  }
  return "";
}

}  // namespace skiff::http
