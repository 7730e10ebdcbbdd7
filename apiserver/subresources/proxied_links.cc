#include "apiserver/subresources/proxied_links.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "base/text.h"

namespace skiff {
namespace {

// A tag that is longer goes out as it comes, so that nothing is held without bound.
constexpr size_t kTagBytesMax = 64 << 10;

using Attributes = std::set<std::string_view>;
const std::map<std::string_view, Attributes>& LinksOfElements() {
  static const std::map<std::string_view, Attributes> kLinks = {
      {"a", {"href"}},
      {"applet", {"codebase"}},
      {"area", {"href"}},
      {"audio", {"src"}},
      {"base", {"href"}},
      {"blockquote", {"cite"}},
      {"body", {"background"}},
      {"button", {"formaction"}},
      {"command", {"icon"}},
      {"del", {"cite"}},
      {"embed", {"src"}},
      {"form", {"action"}},
      {"frame", {"longdesc", "src"}},
      {"head", {"profile"}},
      {"html", {"manifest"}},
      {"iframe", {"longdesc", "src"}},
      {"img", {"longdesc", "src", "usemap"}},
      {"input", {"src", "usemap", "formaction"}},
      {"ins", {"cite"}},
      {"link", {"href"}},
      {"object", {"classid", "codebase", "data", "usemap"}},
      {"q", {"cite"}},
      {"script", {"src"}},
      {"source", {"src"}},
      {"video", {"poster", "src"}},
  };
  return kLinks;
}

constexpr std::array<std::string_view, 9> kRawTextElements = {
    "iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp"};

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

// Behind "scheme:"; 0 when there is none.
size_t EndOfScheme(std::string_view url) {
  if (url.empty() || !IsLetter(url[0])) return 0;
  for (size_t at = 1; at < url.size(); ++at) {
    if (url[at] == ':') return at + 1;
    const bool may = std::isalnum(static_cast<unsigned char>(url[at])) != 0 || url[at] == '+' ||
                     url[at] == '-' || url[at] == '.';
    if (!may) return 0;
  }
  return 0;
}

std::string InQuotes(std::string_view value, char quote) {
  std::string out(1, quote);
  for (const char c : value) {
    if (c == quote) {
      out += quote == '"' ? "&#34;" : "&#39;";
    } else {
      out += c;
    }
  }
  return out + quote;
}

// An attribute of a tag: where its value stands, quotes included.
struct Attribute {
  std::string name;  // In lower case.
  size_t begin = 0;
  size_t end = 0;
  std::string_view value;  // Without quotes.
};

// The attribute that begins at or after `at`, which moves behind it; false at the end of the tag.
bool NextAttribute(std::string_view tag, size_t& at, Attribute& found) {
  while (at < tag.size() && (IsSpace(tag[at]) || tag[at] == '/')) ++at;
  if (at >= tag.size() || tag[at] == '>') return false;
  const size_t name = at;
  do ++at;
  while (at < tag.size() && !IsSpace(tag[at]) && tag[at] != '/' && tag[at] != '>' &&
         tag[at] != '=');
  found = {Lower(tag.substr(name, at - name)), at, at, {}};
  size_t equals = at;
  while (equals < tag.size() && IsSpace(tag[equals])) ++equals;
  if (equals >= tag.size() || tag[equals] != '=') return true;
  at = equals + 1;
  while (at < tag.size() && IsSpace(tag[at])) ++at;
  found.begin = at;
  const char quote = at < tag.size() ? tag[at] : 0;
  if (quote == '"' || quote == '\'') {
    const size_t close = std::min(tag.find(quote, at + 1), tag.size() - 1);
    found.value = tag.substr(at + 1, close - at - 1);
    at = close + 1;
  } else {
    while (at < tag.size() && !IsSpace(tag[at]) && tag[at] != '>') ++at;
    found.value = tag.substr(found.begin, at - found.begin);
  }
  found.end = at;
  return true;
}

// Unpacks what `inner` yields, if it is packed, and rewrites it. No more than about what is asked
// for is unpacked at once, however well it was packed.
class RewrittenStream final : public http::StreamSource {
 public:
  // `window_bits` as zlib counts them; 0: not packed.
  RewrittenStream(std::unique_ptr<http::StreamSource> inner, ProxiedPlace place, int window_bits)
      : inner_(std::move(inner)), rewriter_(std::move(place)), packed_(window_bits != 0) {
    if (packed_) broken_ = inflateInit2(&zlib_, window_bits) != Z_OK;
  }
  ~RewrittenStream() override {
    if (packed_) inflateEnd(&zlib_);
  }
  void Attach(http::Waker waker) override { inner_->Attach(std::move(waker)); }
  int PullEveryMs() const override { return inner_->PullEveryMs(); }

  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    std::string page;
    if (input_.empty() && state_ != http::Pulled::kEnd) Fetch(bytes_max);
    if (!Unpack(bytes_max, page)) return http::Pulled::kAbort;
    const bool over = input_.empty() && state_ == http::Pulled::kEnd;
    if (over) rewriter_.End(page);
    if (!page.empty()) out.push_back(std::make_shared<const std::string>(std::move(page)));
    if (!input_.empty()) return http::Pulled::kMore;
    // A packed page that ends too early must not look whole.
    return over && packed_ && !whole_ ? http::Pulled::kAbort : state_;
  }

 private:
  void Fetch(size_t bytes_max) {
    std::vector<http::SharedBytes> chunks;
    state_ = inner_->Pull(bytes_max, chunks);
    for (const http::SharedBytes& chunk : chunks) input_ += *chunk;
  }

  bool Unpack(size_t bytes_max, std::string& page) {
    if (broken_) return false;
    if (!packed_) {
      rewriter_.Add(input_, page);
      input_.clear();
      return true;
    }
    std::array<char, 16 << 10> part;
    zlib_.next_in = reinterpret_cast<Bytef*>(input_.data());
    zlib_.avail_in = static_cast<uInt>(input_.size());
    while (!whole_ && page.size() < bytes_max && (zlib_.avail_in > 0 || zlib_.avail_out == 0)) {
      zlib_.next_out = reinterpret_cast<Bytef*>(part.data());
      zlib_.avail_out = static_cast<uInt>(part.size());
      const int state = inflate(&zlib_, Z_NO_FLUSH);
      rewriter_.Add({part.data(), part.size() - zlib_.avail_out}, page);
      whole_ = state == Z_STREAM_END;
      if (state == Z_BUF_ERROR) break;
      broken_ = state != Z_OK && !whole_;
      if (broken_) return false;
    }
    input_.erase(0, whole_ ? std::string::npos : input_.size() - zlib_.avail_in);
    return true;
  }

  const std::unique_ptr<http::StreamSource> inner_;
  LinkRewriter rewriter_;
  const bool packed_;
  z_stream zlib_{};
  std::string input_;  // Fetched, and not unpacked yet.
  http::Pulled state_ = http::Pulled::kMore;
  bool whole_ = false;  // The end of what was packed was seen.
  bool broken_ = false;
};

}  // namespace

std::string ProxiedUrl(const ProxiedPlace& place, std::string_view url) {
  const bool garbled = std::any_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (garbled) return std::string(url);
  const size_t scheme = EndOfScheme(url);
  std::string_view path = url.substr(scheme);
  if (path.starts_with("//") && (scheme > 0 || !path.starts_with("///"))) {
    const size_t end = std::min(path.find_first_of("/?#", 2), path.size());
    const std::string_view host = path.substr(2, end - 2);
    const bool same = host.empty() || host == place.upstream_host || host == place.client_host;
    if (!same) return std::string(url);
    path.remove_prefix(end);
  } else if (scheme > 0) {
    return std::string(url);
  }
  if (!path.starts_with('/')) return std::string(url);
  return path.starts_with(place.prefix) ? std::string(path) : place.prefix + std::string(path);
}

void LinkRewriter::Add(std::string_view bytes, std::string& out) {
  held_ += bytes;
  std::string_view text = held_;
  bool more = true;
  while (more && !text.empty()) {
    if (!raw_until_.empty()) {
      more = TakeRawText(text, out);
    } else {
      more = in_comment_ ? TakeComment(text, out) : TakeMarkup(text, out);
    }
  }
  held_.erase(0, held_.size() - text.size());
}

void LinkRewriter::End(std::string& out) {
  out += held_;
  held_.clear();
}

bool LinkRewriter::TakeRawText(std::string_view& text, std::string& out) {
  const size_t length = raw_until_.size();
  for (size_t at = 0;; ++at) {
    at = std::min(text.find('<', at), text.size());
    const size_t end = at + 2 + length;
    if (raw_until_ == "plaintext") at = text.size();  // Which nothing ends.
    if (end >= text.size() || at == text.size()) {
      Pass(at, text, out);
      return false;
    }
    const bool ends = text[at + 1] == '/' && Lower(text.substr(at + 2, length)) == raw_until_ &&
                      (IsSpace(text[end]) || text[end] == '/' || text[end] == '>');
    if (!ends) continue;
    Pass(at, text, out);
    raw_until_.clear();
    return true;
  }
}

bool LinkRewriter::TakeComment(std::string_view& text, std::string& out) {
  constexpr std::string_view kEnd = "-->";
  const size_t end = text.find(kEnd);
  in_comment_ = end == std::string_view::npos;
  if (in_comment_) {
    Pass(text.size() - std::min(text.size(), kEnd.size() - 1), text, out);
    return false;
  }
  Pass(end + kEnd.size(), text, out);
  return true;
}

bool LinkRewriter::TakeMarkup(std::string_view& text, std::string& out) {
  if (!tag_) {
    Pass(std::min(text.find('<'), text.size()), text, out);
    if (text.size() < 2) return false;
    const bool opens = IsLetter(text[1]);
    if (text[1] == '!') {
      if (text.size() < 4) return false;
      in_comment_ = text.starts_with("<!--");
      if (in_comment_) Pass(2, text, out);  // "<!-->" is a whole one.
      if (in_comment_) return true;
    } else if (!opens && text[1] != '/' && text[1] != '?') {
      Pass(1, text, out);
      return true;
    }
    tag_ = Tag{.opens = opens};
  }
  if (!FindEnd(text, *tag_)) {
    tag_->too_long |= text.size() > kTagBytesMax;
    if (!tag_->too_long) return false;
    Pass(text.size(), text, out);
    tag_->seen = 0;
    return false;
  }
  const Tag tag = *std::exchange(tag_, std::nullopt);
  // Wherever the page was cut.
  if (tag.opens && !tag.too_long && tag.seen <= kTagBytesMax) {
    WriteTag(text.substr(0, tag.seen), out);
    text.remove_prefix(tag.seen);
  } else {
    Pass(tag.seen, text, out);
  }
  return true;
}

bool LinkRewriter::FindEnd(std::string_view text, Tag& tag) {
  while (tag.seen < text.size()) {
    const char c = text[tag.seen++];
    if (tag.quote != 0) {
      if (c == tag.quote) tag.quote = 0;
    } else if (c == '>') {
      return true;
    } else if (tag.opens && tag.at_value && (c == '"' || c == '\'')) {
      tag.quote = c;
    }
    if (!IsSpace(c)) tag.at_value = c == '=' && tag.quote == 0;
  }
  return false;
}

void LinkRewriter::Pass(size_t count, std::string_view& text, std::string& out) {
  out += text.substr(0, count);
  text.remove_prefix(count);
}

void LinkRewriter::WriteTag(std::string_view tag, std::string& out) {
  size_t at = 1;
  while (!IsSpace(tag[at]) && tag[at] != '/' && tag[at] != '>') ++at;
  const std::string name = Lower(tag.substr(1, at - 1));
  const auto links = LinksOfElements().find(name);
  size_t written = 0;
  Attribute attribute;
  while (links != LinksOfElements().end() && NextAttribute(tag, at, attribute)) {
    if (attribute.value.empty() || !links->second.contains(attribute.name)) continue;
    const std::string url = ProxiedUrl(place_, attribute.value);
    if (url == attribute.value) continue;
    out += tag.substr(written, attribute.begin - written);
    out += InQuotes(url, tag[attribute.begin] == '\'' ? '\'' : '"');
    written = attribute.end;
  }
  out += tag.substr(written);
  const auto raw = std::find(kRawTextElements.begin(), kRawTextElements.end(), name);
  if (raw != kRawTextElements.end()) raw_until_ = name;
}

void RewriteLinks(const ProxiedPlace& place, http::Response& response) {
  if (const std::string target(response.Header("Location")); !target.empty()) {
    response.headers.erase("Location");
    response.SetHeader("Location", ProxiedUrl(place, target));
    return;
  }
  std::string_view type = response.Header("Content-Type");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (type != "text/html" || !response.stream) return;
  const std::string_view packing = response.Header("Content-Encoding");
  // zlib's word for each form; what else there is cannot be looked into.
  const int window_bits = packing == "gzip" ? 15 + 16 : packing == "deflate" ? -15 : 0;
  if (window_bits == 0 && !packing.empty()) return;
  response.headers.erase("Content-Encoding");
  response.headers.erase("Content-Length");
  response.stream =
      std::make_unique<RewrittenStream>(std::move(response.stream), place, window_bits);
}

}  // namespace skiff
