#include "api/cel/go_url.h"

#include <cctype>
#include <optional>

#include "api/text/go_text.h"

namespace skiff::cel {
namespace {

bool IsWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

// What stands in a path as it is.
bool PlainInPath(char c) {
  return IsWord(c) || std::string_view("-_.~$&+,/:;=@").find(c) != std::string_view::npos;
}

bool PlainInHost(char c) {
  return IsWord(c) || (c & 0x80) != 0 ||
         std::string_view("-_.~!$&'()*+,;=:[]<>\"").find(c) != std::string_view::npos;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

struct Unescaped {
  std::string text;
  std::string error;
};

Unescaped Unescape(std::string_view text, bool query) {
  Unescaped out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && query) {
      out.text += ' ';
    } else if (text[i] != '%') {
      out.text += text[i];
    } else if (i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out.text += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out.error = "invalid URL escape " + GoQuote(text.substr(i, 3));
      return out;
    }
  }
  return out;
}

std::string EscapePath(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (PlainInPath(c)) {
      out += c;
    } else {
      out += '%';
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

// The path as it came where that is a way to write it, else as Go would.
std::string EscapedPath(std::string_view raw, const std::string& path) {
  for (const char c : raw) {
    const bool fine =
        PlainInPath(c) || std::string_view("!'()*[]%").find(c) != std::string_view::npos;
    if (!fine) return EscapePath(path);
  }
  return std::string(raw);
}

bool IsPort(std::string_view text) {
  if (text.empty()) return true;
  if (text[0] != ':') return false;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

class UrlReader {
 public:
  explicit UrlReader(std::string_view text) : text_(text), rest_(text) {}

  GoUrl Read() {
    for (const char c : text_) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        return Wrong("net/url: invalid control character in URL");
      }
    }
    if (text_.empty()) return Wrong("empty url");
    if (text_ == "*") {
      url_.escaped_path = "*";
      return url_;
    }
    if (!TakeScheme()) return url_;
    if (const size_t mark = rest_.find('?'); mark != std::string_view::npos) {
      url_.query = rest_.substr(mark + 1);
      rest_ = rest_.substr(0, mark);
    }
    if (!rest_.starts_with('/')) {
      return url_.scheme.empty() ? Wrong("invalid URI for request") : url_;
    }
    if (!url_.scheme.empty() && rest_.starts_with("//") && !TakeAuthority()) return url_;
    const Unescaped path = Unescape(rest_, false);
    if (!path.error.empty()) return Wrong(path.error);
    url_.escaped_path = EscapedPath(rest_, path.text);
    return url_;
  }

 private:
  GoUrl Wrong(const std::string& what) {
    url_.error = "parse " + GoQuote(text_) + ": " + what;
    return url_;
  }

  bool TakeScheme() {
    for (size_t i = 0; i < text_.size(); ++i) {
      const char c = text_[i];
      if (std::isalpha(static_cast<unsigned char>(c)) != 0) continue;
      if (c == ':') {
        if (i == 0) {
          Wrong("missing protocol scheme");
          return false;
        }
        for (const char letter : text_.substr(0, i)) {
          url_.scheme += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
        }
        rest_ = text_.substr(i + 1);
        return true;
      }
      if (i == 0 || (!IsWord(c) && c != '+' && c != '-' && c != '.')) return true;
    }
    return true;
  }

  bool TakeAuthority() {
    std::string_view authority = rest_.substr(2);
    const size_t slash = std::min(authority.find('/'), authority.size());
    rest_ = authority.substr(slash);
    authority = authority.substr(0, slash);
    if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
      for (const char c : authority.substr(0, at)) {
        const bool fine =
            IsWord(c) || std::string_view("-._:~!$&'()*+,;=%@").find(c) != std::string_view::npos;
        if (fine) continue;
        Wrong("net/url: invalid userinfo");
        return false;
      }
      authority.remove_prefix(at + 1);
    }
    return TakeHost(authority);
  }

  bool TakeHost(std::string_view host) {
    std::string_view port;
    if (host.starts_with('[')) {
      const size_t end = host.rfind(']');
      if (end == std::string_view::npos) {
        Wrong("missing ']' in host");
        return false;
      }
      port = host.substr(end + 1);
    } else if (const size_t colon = host.rfind(':'); colon != std::string_view::npos) {
      port = host.substr(colon);
    }
    if (!IsPort(port)) {
      Wrong("invalid port " + GoQuote(port) + " after host");
      return false;
    }
    for (size_t i = 0; i < host.size(); ++i) {
      if (PlainInHost(host[i])) continue;
      if (host[i] == '%') {
        Wrong("invalid URL escape " + GoQuote(host.substr(i, 3)));
      } else {
        Wrong("invalid character " + GoQuote(host.substr(i, 1)) + " in host name");
      }
      return false;
    }
    url_.host = host;
    return true;
  }

  std::string_view text_;
  std::string_view rest_;
  GoUrl url_;
};

}  // namespace

GoUrl ParseRequestUri(std::string_view text) {
  return UrlReader(text).Read();
}

std::string GoUrl::Hostname() const {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    return end == std::string::npos ? host : host.substr(1, end - 1);
  }
  return host.substr(0, std::min(host.rfind(':'), host.size()));
}

std::string GoUrl::Port() const {
  const size_t colon = host.rfind(':');
  const size_t bracket = host.rfind(']');
  if (colon == std::string::npos || (bracket != std::string::npos && bracket > colon)) return "";
  return host.substr(colon + 1);
}

std::map<std::string, std::vector<std::string>> GoUrl::Query() const {
  std::map<std::string, std::vector<std::string>> out;
  std::string_view rest = query;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    // What is no pair is passed over.
    if (pair.empty() || pair.find(';') != std::string_view::npos) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    const Unescaped key = Unescape(pair.substr(0, equals), true);
    const Unescaped value = Unescape(pair.substr(std::min(equals + 1, pair.size())), true);
    if (key.error.empty() && value.error.empty()) out[key.text].push_back(value.text);
  }
  return out;
}

}  // namespace skiff::cel
