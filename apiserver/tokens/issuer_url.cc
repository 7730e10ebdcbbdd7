#include "apiserver/tokens/issuer_url.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "api/cel/go_url.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

bool IsSchemeText(std::string_view text) {
  return !text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) != 0 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
         });
}

void ReadAuthority(std::string_view text, IssuerUrl& url) {
  const size_t at = text.rfind('@');
  url.has_user = at != text.npos;
  if (url.has_user) text.remove_prefix(at + 1);
  url.authority = text;
  const size_t colon = text.rfind(':');
  const size_t bracket = text.rfind(']');
  const bool has_port = colon != text.npos && (bracket == text.npos || colon > bracket);
  url.host = text.substr(0, has_port ? colon : text.size());
  if (has_port) std::from_chars(text.data() + colon + 1, text.data() + text.size(), url.port);
  if (url.host.size() >= 2 && url.host.front() == '[' && url.host.back() == ']') {
    url.host = url.host.substr(1, url.host.size() - 2);
  }
}

}  // namespace

IssuerUrl IssuerUrl::Parse(std::string_view text) {
  IssuerUrl url;
  const bool has_control =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (has_control) {
    url.error = "parse " + Quoted(text) + ": net/url: invalid control character in URL";
    return url;
  }
  std::string_view rest = text;
  const size_t hash = rest.find('#');
  if (hash != rest.npos) url.fragment = rest.substr(hash + 1);
  rest = rest.substr(0, hash);
  const size_t colon = rest.find(':');
  if (colon == 0) {
    url.error = "parse " + Quoted(text) + ": missing protocol scheme";
    return url;
  }
  if (colon == rest.npos || !IsSchemeText(rest.substr(0, colon))) {
    const std::string_view segment = rest.substr(0, rest.find_first_of("/?"));
    if (segment.find(':') != segment.npos) {
      url.error = "parse " + Quoted(text) + ": first path segment in URL cannot contain colon";
    }
    return url;
  }
  url.scheme = rest.substr(0, colon);
  std::transform(url.scheme.begin(), url.scheme.end(), url.scheme.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (const cel::GoUrl read = cel::ParseRequestUri(rest);
      !read.error.empty() && !read.error.ends_with("invalid URI for request")) {
    url.error = read.error;
    return url;
  }
  rest.remove_prefix(colon + 1);
  const size_t question = rest.find('?');
  if (question != rest.npos) url.query = rest.substr(question + 1);
  if (!rest.starts_with("//")) return url;
  rest.remove_prefix(2);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  ReadAuthority(rest.substr(0, end), url);
  const std::string_view target = rest.substr(end);
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

}  // namespace skiff
