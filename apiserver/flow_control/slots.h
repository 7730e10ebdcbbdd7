// How many requests are worked on at one time, and by whose: what the workers can take, where seats
// are what the configuration allows. A flow may take a slot while it has fewer than are free, a
// level while it has fewer than twice as many. So one that floods gets half of them when it is
// alone, and whoever comes beside it finds some free, without a slot being set aside for anybody.
//
//   Slots slots(6);
//   if (slots.MayTake(level, flow)) slots.Take(level, flow); ... slots.Give(level, flow);
#pragma once

#include <cstdint>
#include <unordered_map>

#include "base/error.h"

namespace skiff::flow_control {

class Slots {
 public:
  explicit Slots(int count) : count_(count) {}

  bool MayTake(const void* level, uint64_t flow) const {
    const int free = count_ - taken_;
    return free > 0 && Of(flows_, flow) < free && Of(levels_, KeyOf(level)) < 2 * free;
  }
  // More than are free, too, where it is seen only then how many it takes.
  void Take(const void* level, uint64_t flow, int count = 1) {
    taken_ += count;
    flows_[flow] += count;
    levels_[KeyOf(level)] += count;
  }
  void Give(const void* level, uint64_t flow, int count = 1) {
    taken_ -= count;
    Drop(flows_, flow, count);
    Drop(levels_, KeyOf(level), count);
  }
  int taken() const { return taken_; }

 private:
  // Those who have any.
  using Holders = std::unordered_map<uint64_t, int>;
  static uint64_t KeyOf(const void* level) { return reinterpret_cast<uintptr_t>(level); }
  static int Of(const Holders& holders, uint64_t who) {
    const auto found = holders.find(who);
    return found == holders.end() ? 0 : found->second;
  }
  static void Drop(Holders& holders, uint64_t who, int count) {
    const auto found = holders.find(who);
    CHECK(found != holders.end() && found->second >= count);
    found->second -= count;
    if (found->second == 0) holders.erase(found);
  }

  const int count_;
  int taken_ = 0;
  Holders flows_;
  Holders levels_;
};

}  // namespace skiff::flow_control
