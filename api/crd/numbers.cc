#include "api/crd/numbers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "api/text/utf8.h"

namespace skiff::crd {
namespace {

constexpr double kSafeMax = 0x1p53 - 1;
constexpr double kNear = 1e-9;

// string(rune): what is none becomes U+FFFD.
std::string TextOfRune(int64_t rune) {
  constexpr int64_t kMax = 0x10ffff, kSurrogates = 0xd800, kSurrogatesEnd = 0xe000;
  const bool is_surrogate = rune >= kSurrogates && rune < kSurrogatesEnd;
  std::string text;
  AppendUtf8(rune < 0 || rune > kMax || is_surrogate ? 0xfffd : static_cast<uint32_t>(rune), text);
  return text;
}

}  // namespace

bool PassesForInteger(double number) {
  if (!(std::abs(number) <= kSafeMax)) return false;
  const double whole = std::trunc(number);
  if (number == whole) return true;
  // Of a negative one the validator takes the distance to an unsigned one, which is far away.
  if (number < 0 || whole == 0) return false;
  return (number - whole) / std::min(number + whole, std::numeric_limits<double>::max()) < kNear;
}

int64_t GoInt64(double number) {
  constexpr double kEnd = 0x1p63;
  if (!(number >= -kEnd && number < kEnd)) return INT64_MIN;
  return static_cast<int64_t>(number);
}

bool IsConverted(const Json& value, const Json& listed) {
  if (!value.is_number()) return false;
  const bool is_int = IsGoInt(value);
  if (is_int && listed.is_string()) {
    return listed.get_ref<const std::string&>() == TextOfRune(value.get<int64_t>());
  }
  if (!listed.is_number() || is_int == IsGoInt(listed)) return false;
  if (is_int) return static_cast<double>(value.get<int64_t>()) == listed.get<double>();
  return GoInt64(value.get<double>()) == listed.get<int64_t>();
}

bool IsMultiple(double number, double factor) {
  return PassesForInteger(factor < 1 ? 1 / factor * number : number / factor);
}

}  // namespace skiff::crd
