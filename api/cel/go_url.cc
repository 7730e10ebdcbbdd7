#include "api/cel/go_url.h"

#include <algorithm>
#include <cctype>

#include "api/cel/net.h"
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

// Where a text stands says what may be in it, and be escaped.
enum class Part { kQuery, kPath, kHost, kZone };

// Of hosts only what is no ASCII may be escaped; of zones only ASCII that they could say plainly,
// and blanks.
bool MayEscape(Part part, unsigned char byte) {
  if (part == Part::kHost) return byte >= 0x80 || byte == '%';
  if (part != Part::kZone) return true;
  return byte == '%' || byte == ' ' || (byte < 0x80 && PlainInHost(static_cast<char>(byte)));
}

Unescaped Unescape(std::string_view text, Part part) {
  const bool in_host = part == Part::kHost || part == Part::kZone;
  Unescaped out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const bool whole =
          i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0;
      const int byte = whole ? HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]) : 0;
      if (!whole || !MayEscape(part, static_cast<unsigned char>(byte))) {
        out.error = "invalid URL escape " + GoQuote(text.substr(i, 3));
        return out;
      }
      out.text += static_cast<char>(byte);
      i += 2;
    } else if (in_host && !PlainInHost(text[i])) {
      out.error = "invalid character " + GoQuote(text.substr(i, 1)) + " in host name";
      return out;
    } else {
      out.text += text[i] == '+' && part == Part::kQuery ? ' ' : text[i];
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
    const Unescaped path = Unescape(rest_, Part::kPath);
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

  // Says what is wrong; false for whoever ends with it.
  bool Refuse(const std::string& what) {
    Wrong(what);
    return false;
  }

  bool TakeAuthority() {
    std::string_view authority = rest_.substr(2);
    const size_t slash = std::min(authority.find('/'), authority.size());
    rest_ = authority.substr(slash);
    authority = authority.substr(0, slash);
    const size_t at = authority.rfind('@');
    if (at == std::string_view::npos) return TakeHost(authority);
    return TakeHost(authority.substr(at + 1)) && CheckUser(authority.substr(0, at));
  }

  bool CheckUser(std::string_view user) {
    constexpr std::string_view kMarks = "-._:~!$&'()*+,;=%@";
    for (const char c : user) {
      if (!IsWord(c) && kMarks.find(c) == std::string_view::npos) {
        return Refuse("net/url: invalid userinfo");
      }
    }
    const size_t colon = std::min(user.find(':'), user.size());
    const std::string name = Unescape(user.substr(0, colon), Part::kPath).error;
    if (!name.empty()) return Refuse(name);
    const std::string password = Unescape(user.substr(colon), Part::kPath).error;
    return password.empty() || Refuse(password);
  }

  bool TakeHost(std::string_view host) {
    const size_t bracket = host.rfind('[');
    if (bracket == 0) return TakeBracketed(host);
    if (bracket != std::string_view::npos) return Refuse("invalid IP-literal");
    if (const size_t colon = host.rfind(':'); colon != std::string_view::npos) {
      if (!TakePort(host.substr(colon))) return false;
    }
    Unescaped read = Unescape(host, Part::kHost);
    if (!read.error.empty()) return Refuse(read.error);
    url_.host = std::move(read.text);
    return true;
  }

  bool TakePort(std::string_view port) {
    return IsPort(port) || Refuse("invalid port " + GoQuote(port) + " after host");
  }

  // "[fe80::1%25en0]:80"
  bool TakeBracketed(std::string_view host) {
    const size_t end = host.rfind(']');
    if (end == std::string_view::npos) return Refuse("missing ']' in host");
    const std::string_view port = host.substr(end + 1);
    if (!TakePort(port)) return false;
    const std::string_view inside = host.substr(1, end - 1);
    const size_t zone = std::min(inside.find("%25"), inside.size());
    Unescaped address = Unescape(inside.substr(0, zone), Part::kHost);
    if (!address.error.empty()) return Refuse(address.error);
    const Unescaped behind = Unescape(inside.substr(zone), Part::kZone);
    if (!behind.error.empty()) return Refuse(behind.error);
    address.text += behind.text;
    const ReadAddress read = ParseAddress(address.text);
    if (!read.error.empty()) return Refuse("invalid host: " + read.error);
    if (!read.address.v6) return Refuse("invalid IP-literal");
    url_.host = "[" + address.text + "]" + std::string(port);
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
  if (host.starts_with('[')) return host.substr(1, host.rfind(']') - 1);
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
    const Unescaped key = Unescape(pair.substr(0, equals), Part::kQuery);
    const Unescaped value = Unescape(pair.substr(std::min(equals + 1, pair.size())), Part::kQuery);
    if (key.error.empty() && value.error.empty()) out[key.text].push_back(value.text);
  }
  return out;
}

}  // namespace skiff::cel
