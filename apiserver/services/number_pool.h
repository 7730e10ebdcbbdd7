// Numbers of a range that are handed out one by one: node ports, addresses by their offset. The
// lower band is left to those who ask for a certain number as long as the upper one has room.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "base/id.h"

namespace skiff {

// Not thread-safe: its owner locks.
class NumberPool {
 public:
  // [first, last]; the first `band` of them are only picked when the others are taken.
  NumberPool(uint64_t first, uint64_t last, uint64_t band)
      : first_(first), last_(last), band_(band) {}

  bool InRange(uint64_t number) const { return number >= first_ && number <= last_; }
  bool Has(uint64_t number) const { return taken_.contains(number); }
  // False when somebody has it.
  bool Take(uint64_t number);
  void Free(uint64_t number);
  void FreeAll();
  uint64_t taken() const { return taken_.size(); }
  // How many of the range nobody has; numbers beside it may be taken as well.
  uint64_t left() const { return last_ - first_ + 1 - taken_in_range_; }
  // Takes one that is free; nullopt when all are taken. A random start, then upwards.
  std::optional<uint64_t> TakeAny(Random& random);

 private:
  std::optional<uint64_t> TakeFrom(uint64_t first, uint64_t last, Random& random);
  const uint64_t first_;
  const uint64_t last_;
  const uint64_t band_;
  std::set<uint64_t> taken_;
  uint64_t taken_in_range_ = 0;
};

}  // namespace skiff
