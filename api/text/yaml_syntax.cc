#include "api/text/yaml_syntax.h"

#include <yaml.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "api/text/runes.h"
#include "api/text/yaml.h"
#include "api/text/yaml_read.h"

namespace skiff {
namespace {

// libyaml looks at every bracket that is open for each of its tokens, so that a megabyte within
// five hundred brackets costs it seconds. This is a fifth of one, and far from what people write.
constexpr size_t kOpenBracketsLookedAtMax = size_t{1} << 25;

// What libyaml says of a tab, among others, that stands where a line is indented.
constexpr std::string_view kNoToken = "found character that cannot start any token";
constexpr char kTab[] = "found a tab where no token may begin with one: indent by spaces";

// How the place of a mistake is told.
enum class Places : uint8_t { kAsGo, kLines };

class SyntaxCheck {
 public:
  SyntaxCheck(std::string_view text, Places places) : text_(text), places_(places) {
    if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~SyntaxCheck() { yaml_parser_delete(&parser_); }
  SyntaxCheck(const SyntaxCheck&) = delete;
  SyntaxCheck& operator=(const SyntaxCheck&) = delete;

  // Until an event of this type, or the end.
  Result<> Until(yaml_event_type_t last) {
    for (;;) {
      yaml_event_t event;
      if (yaml_parser_parse(&parser_, &event) == 0) return Problem();
      const yaml_event_type_t type = event.type;
      line_ = event.start_mark.line;
      const auto known = Know(event);
      yaml_event_delete(&event);
      TRY(known);
      looked_at_ += opened_.size();
      if (looked_at_ > kOpenBracketsLookedAtMax) {
        return Mistake("document contains excessive nesting");
      }
      if (type == last || type == YAML_STREAM_END_EVENT) return {};
    }
  }

 private:
  Result<> Know(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        anchors_.clear();
        return {};
      case YAML_ALIAS_EVENT: {
        const std::string name = TextOf(event.data.alias.anchor);
        if (anchors_.contains(name)) return {};
        return Mistake("unknown anchor '" + name + "' referenced");
      }
      case YAML_SCALAR_EVENT:
        Remember(event.data.scalar.anchor);
        return {};
      case YAML_SEQUENCE_START_EVENT:
        Remember(event.data.sequence_start.anchor);
        return Enter(event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
      case YAML_MAPPING_START_EVENT:
        Remember(event.data.mapping_start.anchor);
        return Enter(event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        --depth_;
        if (!opened_.empty()) opened_.pop_back();  // Nothing but brackets stands within brackets.
        return {};
      default:
        return {};
    }
  }

  Result<> Enter(bool with_bracket) {
    if (with_bracket) opened_.push_back(line_);
    if (++depth_ <= kYamlBlockDepthMax) return {};
    const auto too_deep = YamlTooDeep(kYamlBlockDepthMax);
    return places_ == Places::kAsGo ? too_deep : YamlAtLine(line_ + 1, too_deep.value());
  }

  static std::string TextOf(const yaml_char_t* text) { return reinterpret_cast<const char*>(text); }
  void Remember(const yaml_char_t* anchor) {
    if (anchor != nullptr) anchors_.insert(TextOf(anchor));
  }

  // Of the event that is looked at, which Go names no line of.
  tl::unexpected<Error> Mistake(const std::string& what) const {
    const Error mistake{.reason = Reason::kBadRequest, .message = "yaml: " + what};
    return places_ == Places::kAsGo ? Fail(mistake) : YamlAtLine(line_ + 1, mistake);
  }

  // The lines before the last that holds something.
  size_t LinesBeforeLast() const {
    const std::string_view text = text_.substr(0, text_.find_last_not_of(" \t\r\n") + 1);
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  // Where the parser stopped; of what has no end, where it was opened.
  tl::unexpected<Error> ProblemWithLine(std::string what) const {
    size_t line = parser_.problem_mark.line;
    // Marks count characters, and not the mark of the text's encoding.
    const size_t characters = RuneCount(text_);
    const bool has_mark = text_.starts_with("\xef\xbb\xbf");
    const bool at_end = parser_.problem_mark.index + (has_mark ? 1 : 0) >= characters;
    if (at_end && parser_.context != nullptr) line = parser_.context_mark.line;
    if (at_end && parser_.error == YAML_PARSER_ERROR && !opened_.empty()) line = opened_.back();
    line = std::min(line, LinesBeforeLast());
    const bool at_token = parser_.error == YAML_SCANNER_ERROR && parser_.buffer.pointer != nullptr;
    if (what == kNoToken && at_token && *parser_.buffer.pointer == '\t') what = kTab;
    if (!opened_.empty() && opened_.back() != line) {
      what += ", within the bracket of line " + std::to_string(opened_.back() + 1);
    }
    return YamlAtLine(line + 1, {.reason = Reason::kBadRequest, .message = "yaml: " + what});
  }

  // Go names a line where it knows one that is not the first, counted from one where its scanner
  // stopped and from zero where its parser did.
  tl::unexpected<Error> Problem() const {
    const char* what = parser_.problem ? parser_.problem : "unknown problem parsing YAML content";
    size_t line = parser_.problem_mark.line;
    if (places_ == Places::kLines) return ProblemWithLine(what);
    if (line != 0) {
      line += parser_.error == YAML_SCANNER_ERROR ? 1 : 0;
    } else {
      line = parser_.context_mark.line;
    }
    const std::string where = line == 0 ? "" : "line " + std::to_string(line) + ": ";
    return Fail(Reason::kBadRequest, "yaml: " + where + what);
  }

  yaml_parser_t parser_;
  const std::string_view text_;
  const Places places_;
  size_t line_ = 0;  // Of the event.
  std::set<std::string> anchors_;
  int depth_ = 0;
  std::vector<size_t> opened_;  // The lines of the brackets that are open.
  size_t looked_at_ = 0;
};

}  // namespace

Result<> CheckYamlDocument(std::string_view text) {
  return SyntaxCheck(text, Places::kAsGo).Until(YAML_DOCUMENT_END_EVENT);
}

Result<> CheckYamlStream(std::string_view text) {
  return SyntaxCheck(text, Places::kLines).Until(YAML_STREAM_END_EVENT);
}

}  // namespace skiff
