#include "api/cel/source.h"

#include <algorithm>

#include "api/cel/runes.h"

namespace skiff::cel {
namespace {

constexpr size_t kShownLineMax = 16384;
constexpr size_t kShownIssuesMax = 100;

}  // namespace

Source::Source(std::string_view text) : runes_(RunesOf(text)), lines_{0} {
  for (size_t i = 0; i < runes_.size(); ++i) {
    if (runes_[i] == U'\n') lines_.push_back(i + 1);
  }
}

std::string Source::Slice(size_t begin, size_t end) const {
  return TextOf(runes_, begin, end);
}

std::string Source::Show(std::vector<Issue> issues) const {
  std::stable_sort(issues.begin(), issues.end(),
                   [](const Issue& a, const Issue& b) { return a.position < b.position; });
  std::string out;
  for (size_t i = 0; i < issues.size(); ++i) {
    if (i > 0) out += '\n';
    if (i == kShownIssuesMax) {
      return out + std::to_string(issues.size() - i) + " more errors were truncated";
    }
    out += ShowOne(issues[i]);
  }
  return out;
}

std::string Source::ShowOne(const Issue& issue) const {
  if (issue.position < 0) return "ERROR: <input>:-1:0: " + issue.message;
  if (runes_.empty()) return "ERROR: <input>:1:0: " + issue.message;
  const size_t position = issue.position;
  const auto after = std::upper_bound(lines_.begin(), lines_.end(), position);
  const size_t line = after - lines_.begin();
  const size_t begin = *(after - 1);
  const size_t end = after == lines_.end() ? runes_.size() : *after - 1;
  std::string out = "ERROR: <input>:" + std::to_string(line) + ":" +
                    std::to_string(position - begin + 1) + ": " + issue.message;
  if (end - begin > kShownLineMax) return out;
  std::string shown = Slice(begin, end);
  std::replace(shown.begin(), shown.end(), '\t', ' ');
  out += "\n | " + shown + "\n | ";
  // Wide characters get wide dots, so that the caret stands below its place.
  for (size_t i = begin; i < position; ++i) {
    out += i < runes_.size() && runes_[i] > 0x7f ? "．" : ".";
  }
  out += position < runes_.size() && runes_[position] > 0x7f ? "＾" : "^";
  return out;
}

}  // namespace skiff::cel
