#include "api/text/yaml_key_order.h"

#include <algorithm>
#include <cstdint>

#include "base/text.h"

namespace skiff {
namespace {

bool IsLetterOrNotAscii(char c) {
  return IsLetter(c) || static_cast<unsigned char>(c) >= 0x80;
}

struct Run {
  int64_t value;
  size_t length;
};

// The digits from `begin` on, after which the number `lead` stands. Overflows as Go does.
Run DigitsFrom(std::string_view text, size_t begin, uint64_t lead) {
  uint64_t value = lead;
  size_t end = begin;
  for (; end < text.size() && IsDigit(text[end]); ++end) {
    value = value * 10 + static_cast<uint64_t>(text[end] - '0');
  }
  return {static_cast<int64_t>(value), end - begin};
}

// Whether the digits right before `end` are a number above 0. A 0 that follows counts then.
bool FollowsNumber(std::string_view text, size_t end) {
  while (end > 0 && IsDigit(text[end - 1])) {
    if (text[--end] != '0') return true;
  }
  return false;
}

}  // namespace

bool YamlKeyLess(std::string_view a, std::string_view b) {
  const size_t shared = std::min(a.size(), b.size());
  size_t at = 0;
  while (at < shared && a[at] == b[at]) ++at;
  if (at == shared) return a.size() < b.size();
  const auto byte = [&](std::string_view text) { return static_cast<unsigned char>(text[at]); };
  const bool letter_a = IsLetterOrNotAscii(a[at]);
  const bool letter_b = IsLetterOrNotAscii(b[at]);
  if (letter_a && letter_b) return byte(a) < byte(b);
  if (letter_a || letter_b) {
    // After a digit, what goes on with letters comes first.
    const bool after_digit = at > 0 && IsDigit(a[at - 1]);
    return after_digit ? letter_a : letter_b;
  }
  const bool zero = a[at] == '0' || b[at] == '0';
  const uint64_t lead = zero && FollowsNumber(a, at) ? 1 : 0;
  const Run run_a = DigitsFrom(a, at, lead);
  const Run run_b = DigitsFrom(b, at, lead);
  if (run_a.value != run_b.value) return run_a.value < run_b.value;
  if (run_a.length != run_b.length) return run_a.length < run_b.length;
  return byte(a) < byte(b);
}

}  // namespace skiff
