#include "api/crd/numbers.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace skiff::crd {
namespace {

constexpr double kSafeMax = 0x1p53 - 1;
constexpr double kNear = 1e-9;

}  // namespace

bool IsGoInt(const Json& value) {
  if (value.is_number_unsigned()) return value.get<uint64_t>() <= uint64_t{INT64_MAX};
  return value.is_number_integer();
}

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
  return value.is_number() && listed.is_number() && !IsGoInt(value) && IsGoInt(listed) &&
         GoInt64(value.get<double>()) == listed.get<int64_t>();
}

bool IsMultiple(double number, double factor) {
  return PassesForInteger(factor < 1 ? 1 / factor * number : number / factor);
}

}  // namespace skiff::crd
