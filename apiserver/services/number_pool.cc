#include "apiserver/services/number_pool.h"

namespace skiff {

std::optional<uint64_t> NumberPool::TakeFrom(uint64_t first, uint64_t last, Random& random) {
  if (first > last) return std::nullopt;
  const uint64_t count = last - first + 1;
  const auto begin = taken_.lower_bound(first);
  const auto end = taken_.upper_bound(last);
  if (static_cast<uint64_t>(std::distance(begin, end)) >= count) return std::nullopt;
  uint64_t number = first + random.Below(count);
  // As many steps as there are taken numbers, at most.
  while (!Take(number)) number = number == last ? first : number + 1;
  return number;
}

uint64_t NumberPool::left() const {
  const auto within = std::distance(taken_.lower_bound(first_), taken_.upper_bound(last_));
  return last_ - first_ + 1 - static_cast<uint64_t>(within);
}

std::optional<uint64_t> NumberPool::TakeAny(Random& random) {
  if (const auto number = TakeFrom(first_ + band_, last_, random)) return number;
  if (band_ == 0) return std::nullopt;
  return TakeFrom(first_, first_ + band_ - 1, random);
}

}  // namespace skiff
