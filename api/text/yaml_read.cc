#include "api/text/yaml_read.h"

#include <yaml-cpp/depthguard.h>

#include <algorithm>
#include <atomic>

#include "api/codec/base64.h"
#include "api/text/utf8.h"
#include "api/text/yaml.h"
#include "api/text/yaml_scalar.h"
#include "api/text/yaml_syntax.h"

namespace skiff {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// Go's parser knows version 1.1 of YAML alone, and says so of a document that begins otherwise.
Result<> CheckVersion(std::string_view text) {
  constexpr std::string_view kDirective = "%YAML ";
  while (text.starts_with('#') || text.starts_with('\n')) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  if (!text.starts_with(kDirective)) return {};
  text.remove_prefix(kDirective.size());
  const std::string_view version = text.substr(0, text.find_first_of(" \t\r\n"));
  if (version == "1.1") return {};
  return Fail(Reason::kBadRequest, "yaml: found incompatible YAML document");
}

size_t LineOf(const YAML::Exception& problem) {
  return static_cast<size_t>(std::max(problem.mark.line, 0)) + 1;
}

// The characters that Go's parser takes, in the ranges that it lists; beyond ASCII `text` begins
// with a well-formed sequence. C1 controls, U+FFFE and U+FFFF are not among them.
bool IsTaken(std::string_view text, size_t length) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (length == 1) {
    return (at(0) >= 0x20 && at(0) < 0x7f) || at(0) == '\t' || at(0) == '\n' || at(0) == '\r';
  }
  if (length == 2 && at(0) == 0xc2) return at(1) == 0x85 || at(1) >= 0xa0;
  return length != 3 || at(0) != 0xef || at(1) != 0xbf || at(2) < 0xbe;
}

// What Go's reader says of bytes that no text of YAML may hold. yaml-cpp takes all of them, and
// would pass on what is no UTF-8. Text in UTF-16 has a mark in front, and becomes UTF-8 by itself.
Result<> CheckCharacters(std::string_view& text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return {};
  const auto refuse = [](const char* why) {
    return Fail(Reason::kBadRequest, std::string("yaml: ") + why);
  };
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) {
      const auto first = static_cast<unsigned char>(text[0]);
      const size_t wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
      if (first < 0xc0 || first >= 0xf8) return refuse("invalid leading UTF-8 octet");
      if (text.size() < wanted) return refuse("incomplete UTF-8 octet sequence");
      const bool trails = std::all_of(text.begin() + 1, text.begin() + static_cast<long>(wanted),
                                      [](char c) { return (c & 0xc0) == 0x80; });
      if (!trails) return refuse("invalid trailing UTF-8 octet");
      const bool overlong = first < 0xc2 || (first == 0xe0 && (text[1] & 0x20) == 0) ||
                            (first == 0xf0 && (text[1] & 0x30) == 0);
      return refuse(overlong ? "invalid length of a UTF-8 sequence" : "invalid Unicode character");
    }
    if (!IsTaken(text, length)) return refuse("control characters are not allowed");
    text.remove_prefix(length);
  }
  return {};
}

// Where the documents of a stream stand: each begins at a line of three dashes, or behind one of
// three dots. yaml-cpp would find them as well, and never end where something is no document.
class StreamSplitter {
 public:
  explicit StreamSplitter(std::string_view text) : text_(text) {}

  // False: there are no more. `line` is where it begins, counted from 0.
  bool Next(std::string_view& document, int& line) {
    if (at_ == text_.size()) return false;
    const size_t begin = at_;
    line = line_;
    bool holds_something = false;
    while (at_ < text_.size()) {
      const size_t end = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
      const std::string_view row = text_.substr(at_, end - at_);
      if (IsMark(row, "---") && holds_something) break;
      at_ = end;
      ++line_;
      if (IsMark(row, "...")) break;
      // What stands before the dashes belongs to the document: directives, and comments.
      const size_t first = row.find_first_not_of(" \t\r\n");
      holds_something = holds_something || IsMark(row, "---") ||
                        (first != row.npos && row[first] != '#' && row[0] != '%');
    }
    document = text_.substr(begin, at_ - begin);
    return true;
  }

 private:
  static bool IsMark(std::string_view row, std::string_view mark) {
    return row.starts_with(mark) &&
           (row.size() == mark.size() || row.find_first_of(" \t\r\n") == mark.size());
  }

  const std::string_view text_;
  size_t at_ = 0;
  int line_ = 0;
};

// A share of the memory that yaml-cpp may take, which is up to 400 bytes for each one of a text.
// Whoever finds none left is told to come again; a single text is always taken.
class Turn {
 public:
  explicit Turn(size_t bytes) : bytes_(bytes) {
    const size_t others = in_work_.fetch_add(bytes);
    granted_ = others == 0 || others + bytes <= kYamlInWorkBytesMax;
  }
  ~Turn() { in_work_ -= bytes_; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool granted() const { return granted_; }

 private:
  static inline std::atomic<size_t> in_work_ = 0;  // Bytes of all texts that are being read.
  const size_t bytes_;
  bool granted_ = false;
};

// The library knows no line that ends with a carriage return alone.
std::string WithLineFeeds(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool ends_line = text[i] == '\r';
    if (ends_line && text.substr(i + 1).starts_with('\n')) continue;
    out += ends_line ? '\n' : text[i];
  }
  return out;
}

// Text in UTF-16 has a mark in front.
std::string FromUtf16(std::string_view text) {
  const size_t high = text[0] == '\xfe' ? 0 : 1;
  const auto unit = [&](size_t i) -> uint32_t {
    if (i + 1 >= text.size()) return 0xdfff;  // Half of one, which no text has.
    return static_cast<uint32_t>(static_cast<unsigned char>(text[i + high])) << 8 |
           static_cast<unsigned char>(text[i + 1 - high]);
  };
  std::string out;
  for (size_t i = 2; i < text.size(); i += 2) {
    uint32_t point = unit(i);
    const bool is_first = point >= 0xd800 && point < 0xdc00 && i + 2 < text.size();
    if (const uint32_t second = is_first ? unit(i + 2) : 0; second >= 0xdc00 && second < 0xe000) {
      point = 0x10000 + ((point - 0xd800) << 10 | (second - 0xdc00));
      i += 2;
    }
    AppendUtf8(point, out);
  }
  return out;
}

// Throws where libyaml takes what yaml-cpp does not.
Result<> Read(std::string_view text, const std::function<Result<>(const YAML::Node&)>& use) {
  const std::string with_line_feeds = WithLineFeeds(text);
  text = with_line_feeds;
  TRY(CheckVersion(text));
  const Turn turn(text.size());
  if (!turn.granted()) {
    return Fail(Error{.reason = Reason::kTooManyRequests,
                      .message = "Too many requests, please try again later.",
                      .details = ErrorDetails{.retry_after_s = 1}});
  }
  TRY(CheckYamlDocument(text));
  try {
    return use(YAML::Load(with_line_feeds));
  } catch (const YAML::DeepRecursion&) {
    return YamlTooDeep(kYamlBlockDepthMax);
  }
}

}  // namespace

std::string NormalYaml(std::string_view text) {
  const bool is_utf16 = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
  return WithLineFeeds(is_utf16 ? FromUtf16(text) : std::string(text));
}

tl::unexpected<Error> YamlAtLine(size_t line, Error error) {
  error.message = std::to_string(line) + ": " + error.message;
  return Fail(std::move(error));
}

std::vector<YamlPart> SplitYaml(std::string_view text) {
  std::vector<YamlPart> parts;
  StreamSplitter splitter(text);
  YamlPart part;
  while (splitter.Next(part.text, part.lines_before)) parts.push_back(part);
  return parts;
}

tl::unexpected<Error> YamlTooDeep(int most) {
  return Fail(Reason::kBadRequest, "yaml: exceeded max depth of " + std::to_string(most));
}

Result<> CheckYamlCharacters(std::string_view text) {
  return CheckCharacters(text);
}

Result<> CheckYamlCharacters(std::string_view text, int& line) {
  std::string_view left = text;
  auto checked = CheckCharacters(left);
  const std::string_view taken = text.substr(0, text.size() - left.size());
  line = 1 + static_cast<int>(std::count(taken.begin(), taken.end(), '\n'));
  return checked;
}

Result<> ReadYaml(std::string_view text, const std::function<Result<>(const YAML::Node&)>& use) {
  try {
    return Read(text, use);
  } catch (const YAML::Exception& problem) {
    return Fail(Reason::kBadRequest,
                "yaml: line " + std::to_string(LineOf(problem)) + ": " + problem.msg);
  }
}

Result<> ReadYamlPart(const YamlPart& part, const std::function<Result<>(const YAML::Node&)>& use) {
  const auto lines_before = static_cast<size_t>(part.lines_before);
  bool is_of_use = false;
  try {
    auto read = Read(part.text, [&](const YAML::Node& node) {
      auto used = use(node);
      is_of_use = !used;
      return used;
    });
    if (read || is_of_use) return read;
    return YamlAtLine(lines_before + 1, std::move(read.error()));
  } catch (const YAML::Exception& problem) {
    return YamlAtLine(lines_before + LineOf(problem),
                      {.reason = Reason::kBadRequest, .message = "yaml: " + problem.msg});
  }
}

// The text of a scalar. yaml-cpp reads the escapes \N and \_ as single bytes, which are no UTF-8
// by themselves, and which nothing else leaves behind (CheckCharacters).
std::string YamlText(const YAML::Node& node) {
  std::string_view text = node.Scalar();
  std::string out;
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) AppendUtf8(static_cast<unsigned char>(text[0]), out);
    out.append(text.substr(0, length));
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

Result<Json> YamlScalarOf(const YAML::Node& node, std::string text) {
  const std::string& tag = node.Tag();
  if (tag == "!") return Json(std::move(text));  // Quoted.
  if (!tag.starts_with(kTagPrefix)) return ResolveYamlScalar(text);
  const std::string_view type = std::string_view(tag).substr(kTagPrefix.size());
  if (type == "str") return Json(std::move(text));
  if (type == "binary") {
    auto bytes = DecodeBase64(text);
    if (!bytes) {
      return Fail(Reason::kBadRequest, "yaml: !!binary value contains invalid base64 data");
    }
    return Json(MendUtf8(*bytes));
  }
  return ResolveYamlScalar(text);
}

}  // namespace skiff
