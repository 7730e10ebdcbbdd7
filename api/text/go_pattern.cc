#include "api/text/go_pattern.h"

#include <algorithm>

#include "base/text.h"

namespace skiff {
namespace {

bool IsCaptureName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return IsDigit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

// The length of "{2}", "{2,}" or "{2,3}" in front of a text; 0: there is none, and "{" is a letter.
size_t RepeatLength(std::string_view text) {
  size_t at = 1;
  const auto number = [&] {
    const size_t begin = at;
    while (at < text.size() && IsDigit(text[at])) ++at;
    return at > begin && (at - begin == 1 || text[begin] != '0');
  };
  if (!number()) return 0;
  if (at < text.size() && text[at] == ',') {
    ++at;
    if (at < text.size() && text[at] != '}' && !number()) return 0;
  }
  return at < text.size() && text[at] == '}' ? at + 1 : 0;
}

// Go repeats nothing more often than a thousand times; RE2 takes the largest numbers for letters.
bool HasHugeNumber(std::string_view repeat) {
  constexpr ptrdiff_t kDigitsMax = 4;
  const size_t comma = std::min(repeat.find(','), repeat.size());
  const std::string_view parts[] = {repeat.substr(0, comma), repeat.substr(comma)};
  return std::any_of(std::begin(parts), std::end(parts), [](std::string_view part) {
    return std::count_if(part.begin(), part.end(), [](char c) { return IsDigit(c); }) > kDigitsMax;
  });
}

class GoPatternReader {
 public:
  explicit GoPatternReader(std::string_view pattern) : rest_(pattern) {}

  GoPattern Read() {
    while (!rest_.empty() && out_.error.empty()) {
      switch (rest_[0]) {
        case '\\':
          Escape();
          break;
        case '[':
          Class();
          break;
        case '(':
          Group();
          break;
        case '{':
          Repeat();
          break;
        default:
          Take(1);
      }
    }
    out_.error_at = out_.re2.size();
    Take(rest_.size());
    return std::move(out_);
  }

 private:
  void Take(size_t length) {
    length = std::min(length, rest_.size());
    out_.re2 += rest_.substr(0, length);
    rest_.remove_prefix(length);
  }

  void Refuse(const char* what, std::string_view of) {
    out_.error = std::string(what) + ": `" + std::string(of) + "`";
  }

  void Escape() {
    const char letter = rest_.size() > 1 ? rest_[1] : '\0';
    if (letter == 'C') return Refuse("invalid escape sequence", rest_.substr(0, 2));
    if (letter == 'Q') {
      const size_t end = rest_.find("\\E", 2);
      return Take(end == rest_.npos ? rest_.size() : end + 2);
    }
    const bool braced =
        (letter == 'x' || letter == 'p' || letter == 'P') && rest_.size() > 2 && rest_[2] == '{';
    const size_t end = braced ? rest_.find('}') : rest_.npos;
    Take(end == rest_.npos ? 2 : end + 1);
  }

  // A "]" that stands first is a letter, as is all but what is escaped and the names of classes.
  void Class() {
    size_t at = rest_.substr(1).starts_with('^') ? 2 : 1;
    for (bool first = true; at < rest_.size(); first = false) {
      if (rest_[at] == ']' && !first) break;
      const size_t name_end =
          rest_.substr(at).starts_with("[:") ? rest_.find(":]", at + 2) : rest_.npos;
      if (name_end != rest_.npos) {
        at = name_end + 2;
      } else {
        at += rest_[at] == '\\' ? 2 : 1;
      }
    }
    Take(at + 1);
  }

  void Group() {
    const bool short_form = rest_.starts_with("(?<") && rest_.size() > 3;
    if (!short_form && !(rest_.starts_with("(?P<") && rest_.size() > 4)) return Take(1);
    const size_t begin = short_form ? 3 : 4;
    const size_t end = rest_.find('>');
    if (end == rest_.npos) return Refuse("invalid named capture", rest_);
    if (!IsCaptureName(rest_.substr(begin, end - begin))) {
      return Refuse("invalid named capture", rest_.substr(0, end + 1));
    }
    if (short_form) {
      out_.re2 += "(?P<";
      rest_.remove_prefix(begin);
    }
    Take(end + 1 - (short_form ? begin : 0));
  }

  void Repeat() {
    const size_t length = RepeatLength(rest_);
    const std::string_view repeat = rest_.substr(0, length);
    if (HasHugeNumber(repeat)) return Refuse("invalid repeat count", repeat);
    Take(std::max<size_t>(length, 1));
  }

  std::string_view rest_;
  GoPattern out_;
};

}  // namespace

GoPattern ReadGoPattern(std::string_view pattern) {
  return GoPatternReader(pattern).Read();
}

}  // namespace skiff
