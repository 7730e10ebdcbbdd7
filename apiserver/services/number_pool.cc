#include "apiserver/services/number_pool.h"

namespace skiff {

bool NumberPool::Take(uint64_t number) {
  const bool is_new = taken_.insert(number).second;
  if (is_new && InRange(number)) ++taken_in_range_;
  return is_new;
}

void NumberPool::Free(uint64_t number) {
  if (taken_.erase(number) > 0 && InRange(number)) --taken_in_range_;
}

void NumberPool::FreeAll() {
  taken_.clear();
  taken_in_range_ = 0;
}

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

std::optional<uint64_t> NumberPool::TakeAny(Random& random) {
  if (const auto number = TakeFrom(first_ + band_, last_, random)) return number;
  if (band_ == 0) return std::nullopt;
  return TakeFrom(first_, first_ + band_ - 1, random);
}

}  // namespace skiff
