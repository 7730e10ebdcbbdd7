#include "api/yaml.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <unordered_set>

#include "api/base64.h"
#include "api/go_text.h"
#include "api/json.h"
#include "api/patch.h"
#include "api/utf8.h"
#include "api/yaml_parser.h"
#include "api/yaml_scalar.h"

namespace skiff {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";
constexpr std::string_view kMergeTag = "tag:yaml.org,2002:merge";

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

tl::unexpected<Error> Bad(const std::string& why) {
  return Fail(Reason::kBadRequest, "yaml: " + why);
}

// Text with a mark of UTF-16 in front, as UTF-8.
Result<std::string> FromUtf16(std::string_view text) {
  const bool little = text.starts_with("\xff\xfe");
  std::string out;
  for (text.remove_prefix(2); !text.empty();) {
    const auto unit = [&](size_t at) {
      const auto first = static_cast<unsigned char>(text[at]);
      const auto second = static_cast<unsigned char>(text[at + 1]);
      return static_cast<uint32_t>(little ? first | second << 8 : first << 8 | second);
    };
    if (text.size() < 2) return Bad("incomplete UTF-16 character");
    uint32_t value = unit(0);
    if ((value & 0xfc00) == 0xdc00) return Bad("unexpected low surrogate area");
    size_t bytes = 2;
    if ((value & 0xfc00) == 0xd800) {
      if (text.size() < 4) return Bad("incomplete UTF-16 surrogate pair");
      const uint32_t low = unit(2);
      if ((low & 0xfc00) != 0xdc00) return Bad("expected low surrogate area");
      value = 0x10000 + ((value & 0x3ff) << 10) + (low & 0x3ff);
      bytes = 4;
    }
    AppendUtf8(value, out);
    text.remove_prefix(bytes);
  }
  return out;
}

// What Go's reader says of bytes that no text of YAML may hold.
Result<> CheckCharacters(std::string_view text) {
  const auto refuse = [](const char* why) { return Bad(why); };
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
// three dots.
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

tl::unexpected<Error> TooDeep() {
  return Bad("exceeded max depth of " + std::to_string(kYamlDepthMax));
}

// Most YAML that machines send is JSON, and that we read in a tenth of the time, and as deep as
// JSON may be. Nothing: it is not, or it says a key twice, of which YAML has more to tell.
std::optional<Result<YamlDocument>> AsJson(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos || (text[begin] != '{' && text[begin] != '[')) return std::nullopt;
  auto json = ParseJson(text);
  if (!json) {
    if (json.error().message != "exceeded max depth") return std::nullopt;
    return TooDeep();
  }
  if (!FindDuplicates(text).empty()) return std::nullopt;
  const auto lines = std::count(text.begin(), text.begin() + static_cast<long>(begin), '\n');
  return YamlDocument{.value = std::move(*json), .line = static_cast<int>(lines) + 1};
}

// A share of the memory that YAML may take, which is up to 50 bytes for each one of a text.
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

// Events -> the document, as go-yaml's decoder makes it.
class Builder {
 public:
  Builder(const YamlEvents& source, YamlDocument& out, size_t text_bytes)
      : source_(source), out_(out), bytes_max_(kYamlAliasedBytesMax + text_bytes) {}

  // The node that comes next.
  Result<Json> Value() {
    TRY(Count());
    const YamlEvent& event = Take();
    if (event.kind == YamlEvent::Kind::kScalar) return Scalar(event);
    // Aliases may make more of it than there is; and what is built is walked by recursion.
    if (depth_ == kYamlDepthMax) return TooDeep();
    ++depth_;
    auto value = event.kind == YamlEvent::Kind::kAlias       ? Aliased(event)
                 : event.kind == YamlEvent::Kind::kListStart ? List()
                                                             : Map();
    --depth_;
    return value;
  }

 private:
  const YamlEvent& Next() const { return source_.events[at_]; }
  const YamlEvent& Take() { return source_.events[at_++]; }
  bool IsEnd() const {
    return Next().kind == YamlEvent::Kind::kListEnd || Next().kind == YamlEvent::Kind::kMapEnd;
  }

  // Of a small document nearly all may come from aliases, of a large one little.
  Result<> Count() {
    constexpr double kSmall = 400'000, kLarge = 4'000'000;
    ++values_;
    if (!following_.empty()) ++aliased_;
    if (aliased_ <= 100 || values_ <= 1000) return {};
    const auto count = static_cast<double>(values_);
    const double part = std::clamp((count - kSmall) / (kLarge - kSmall), 0.0, 1.0);
    if (static_cast<double>(aliased_) / count <= 0.99 - 0.89 * part) return {};
    return Bad("document contains excessive aliasing");
  }

  // Begins to read what the alias stands for; Return goes back.
  Result<size_t> Follow(const YamlEvent& alias) {
    const auto number = static_cast<size_t>(&alias - source_.events.data());
    if (!following_.insert(number).second) {
      return Bad("anchor '" + std::string(source_.TextOf(alias)) + "' value contains itself");
    }
    return std::exchange(at_, alias.target);
  }
  void Return(const YamlEvent& alias, size_t behind) {
    following_.erase(static_cast<size_t>(&alias - source_.events.data()));
    at_ = behind;
  }
  Result<Json> Aliased(const YamlEvent& alias) {
    const size_t behind = TRY(Follow(alias));
    auto value = Value();
    Return(alias, behind);
    return value;
  }

  Result<Json> List() {
    Json list = Json::array();
    while (!IsEnd()) {
      Json value = TRY(Value());
      list.push_back(std::move(value));
    }
    ++at_;
    return list;
  }

  Result<Json> Map() {
    Json map = Json::object();
    TRY(AddMembers(map));
    return map;
  }

  // Of the map that was entered, up to its end.
  Result<> AddMembers(Json& map) {
    while (!IsEnd()) {
      if (IsMerge(Next())) {
        ++at_;
        TRY(Merge(map));
        continue;
      }
      const Json key = TRY(Value());
      if (key.is_structured()) return Bad("invalid map key");
      const int line = static_cast<int>(Next().line) + 1;
      Json value = TRY(Value());
      if (key.is_null()) {
        const std::string shown = value.is_null()     ? "<nil>"
                                  : value.is_string() ? GoQuote(value.get<std::string>())
                                                      : DumpJson(value);
        return Fail(Reason::kBadRequest,
                    "unsupported map key of type: %!s(<nil>), key: <nil>, value: " + shown);
      }
      const std::string name = key.is_string() ? key.get<std::string>() : DumpJson(key);
      if (map.contains(name) && out_.duplicates.size() < kYamlDuplicatesMax) {
        out_.duplicates.push_back("line " + std::to_string(line) + ": key " +
                                  (key.is_string() ? GoQuote(name) : name) +
                                  " already set in map");
      }
      map[name] = std::move(value);
    }
    ++at_;
    return {};
  }

  bool IsMerge(const YamlEvent& key) const {
    return key.kind == YamlEvent::Kind::kScalar && source_.TextOf(key) == "<<" &&
           (key.plain || source_.TagOf(key) == kMergeTag);
  }

  // "<<": the members of a map, or of several, of which the first has the last word.
  Result<> Merge(Json& map) {
    if (Next().kind != YamlEvent::Kind::kListStart) return MergeOne(map);
    TRY(Count());
    std::vector<size_t> items;
    for (++at_; !IsEnd(); SkipNode()) items.push_back(at_);
    const size_t behind = at_ + 1;
    for (; !items.empty(); items.pop_back()) {
      at_ = items.back();
      TRY(MergeOne(map));
    }
    at_ = behind;
    return {};
  }

  Result<> MergeOne(Json& map) {
    TRY(Count());
    const YamlEvent& event = Take();
    const bool is_alias = event.kind == YamlEvent::Kind::kAlias;
    const YamlEvent& merged = is_alias ? source_.events[event.target] : event;
    if (merged.kind != YamlEvent::Kind::kMapStart) {
      return Bad("map merge requires map or sequence of maps as the value");
    }
    if (depth_ == kYamlDepthMax) return TooDeep();
    ++depth_;
    if (is_alias) {
      const size_t behind = TRY(Follow(event));
      TRY(Count());
      ++at_;
      TRY(AddMembers(map));
      Return(event, behind);
    } else {
      TRY(AddMembers(map));
    }
    --depth_;
    return {};
  }

  void SkipNode() {
    int depth = 0;
    do {
      const auto kind = Take().kind;
      using Kind = YamlEvent::Kind;
      if (kind == Kind::kListStart || kind == Kind::kMapStart) ++depth;
      if (kind == Kind::kListEnd || kind == Kind::kMapEnd) --depth;
    } while (depth > 0);
  }

  Result<Json> Scalar(const YamlEvent& event) {
    const std::string_view text = source_.TextOf(event), tag = source_.TagOf(event);
    bytes_ += text.size();
    if (bytes_ > bytes_max_) return Bad("document contains excessive aliasing");
    if (tag.empty()) return event.plain ? ResolveYamlScalar(text) : Json(std::string(text));
    if (!tag.starts_with(kTagPrefix)) return Json(std::string(text));
    const std::string_view type = tag.substr(kTagPrefix.size());
    if (type == "binary") {
      auto bytes = DecodeBase64(std::string(text));
      if (!bytes) return Bad("!!binary value contains invalid base64 data");
      return Json(MendUtf8(*bytes));
    }
    constexpr std::string_view kResolved[] = {"bool", "int", "float", "null"};
    if (std::find(std::begin(kResolved), std::end(kResolved), type) == std::end(kResolved)) {
      return Json(std::string(text));
    }
    return Tagged(type, text);
  }

  // A scalar that has to be of that type.
  static Result<Json> Tagged(std::string_view type, std::string_view text) {
    Json value = ResolveYamlScalar(text);
    const std::string_view found = value.is_null()             ? "null"
                                   : value.is_boolean()        ? "bool"
                                   : value.is_number_integer() ? "int"
                                   : value.is_number()         ? "float"
                                                               : "str";
    if (found == type) return value;
    if (type == "float" && found == "int") return Json(value.get<double>());
    return Bad("cannot decode !!" + std::string(found) + " `" + std::string(text) + "` as a !!" +
               std::string(type));
  }

  const YamlEvents& source_;
  YamlDocument& out_;
  const size_t bytes_max_;
  size_t at_ = 0;
  size_t values_ = 0, aliased_ = 0;
  size_t bytes_ = 0;  // Of all scalars so far.
  int depth_ = 0;     // Lists, maps and aliases that we are in.
  std::unordered_set<size_t> following_;  // Aliases that we are in.
};

}  // namespace

Result<YamlDocument> ParseYaml(std::string_view text) {
  std::string converted;
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    converted = TRY(FromUtf16(text));
    text = converted;
  }
  TRY(CheckCharacters(text));
  if (auto json = AsJson(text)) return std::move(*json);
  const Turn turn(text.size());
  if (!turn.granted()) {
    return Fail(Error{.reason = Reason::kTooManyRequests,
                      .message = "Too many requests, please try again later.",
                      .details = ErrorDetails{.retry_after_s = 1}});
  }
  YamlParser parser(text);
  if (!parser.Parse()) return Bad(parser.problem());
  YamlDocument document;
  const YamlEvents& source = parser.events();
  if (source.events.empty()) return document;
  document.line = static_cast<int>(source.events.front().line) + 1;
  document.value = TRY(Builder(source, document, text.size()).Value());
  return document;
}

Result<std::vector<YamlDocument>> ParseYamlStream(std::string_view text) {
  std::vector<YamlDocument> documents;
  StreamSplitter splitter(text);
  std::string_view part;
  int line = 0;
  while (splitter.Next(part, line)) {
    YamlDocument document = TRY(ParseYaml(part));
    if (document.value.is_null()) continue;
    document.line += line;
    documents.push_back(std::move(document));
  }
  return documents;
}

}  // namespace skiff
