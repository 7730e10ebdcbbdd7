#include "api/rules/workloads/job_indexes.h"

#include <charconv>
#include <string>

#include "api/text/go_text.h"

namespace skiff {
namespace {

Result<int32_t> ParseIndex(std::string_view text, int32_t completions) {
  int64_t index = 0;
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return Fail(Reason::kInvalid, "cannot convert string to integer for index: " + GoQuote(text));
  }
  if (index >= completions) {
    return Fail(Reason::kInvalid, "too large index: " + GoQuote(text));
  }
  return static_cast<int32_t>(index);
}

Result<std::pair<int32_t, int32_t>> ParseRange(std::string_view text, int32_t completions) {
  const size_t hyphen = text.find('-');
  if (hyphen != text.rfind('-')) {
    return Fail(Reason::kInvalid,
                "the fragment " + GoQuote(text) +
                    " violates the requirement that an index interval can have at most two parts "
                    "separated by '-'");
  }
  const int32_t first = TRY(ParseIndex(text.substr(0, hyphen), completions));
  if (hyphen == std::string_view::npos) return std::pair(first, first);
  const int32_t last = TRY(ParseIndex(text.substr(hyphen + 1), completions));
  return std::pair(first, last);
}

}  // namespace

Result<IndexRanges> ParseIndexes(std::string_view text, int32_t completions) {
  IndexRanges ranges;
  int32_t previous = -1;
  const auto rising = [&](int32_t index) -> Result<> {
    if (previous >= index) {
      return Fail(Reason::kInvalid, "non-increasing order, previous: " + std::to_string(previous) +
                                        ", current: " + std::to_string(index));
    }
    previous = index;
    return {};
  };
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const auto range = TRY(ParseRange(text.substr(0, comma), completions));
    TRY(rising(range.first));
    if (range.second != range.first) TRY(rising(range.second));
    ranges.push_back(range);
    if (comma + 1 == text.size())
      return Fail(Reason::kInvalid, "cannot convert string to integer for index: \"\"");
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return ranges;
}

int64_t CountIndexes(const IndexRanges& ranges) {
  int64_t count = 0;
  for (const auto& [first, last] : ranges) count += int64_t{last} - first + 1;
  return count;
}

}  // namespace skiff
