// How many requests are worked on at one time, and by whose: what the workers can take, where seats
// are what the configuration allows. A flow may take a slot while it has fewer than are free, a
// level while it has fewer than twice as many. So one that floods gets half of them when it is
// alone, and whoever comes beside it finds some free, without a slot being set aside for anybody.
//
//   Slots slots(6);
//   if (slots.MayTake(level, flow)) slots.Take(level, flow); ... slots.Give(level, flow);
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/error.h"

namespace skiff::flow_control {

class Slots {
 public:
  explicit Slots(int count) : count_(count) {}

  bool MayTake(const void* level, uint64_t flow) const {
    const int free = count_ - taken_;
    return free > 0 && Of(flows_, flow) < free &&
           Of(levels_, reinterpret_cast<uintptr_t>(level)) < 2 * free;
  }
  void Take(const void* level, uint64_t flow) {
    ++taken_;
    Add(flows_, flow);
    Add(levels_, reinterpret_cast<uintptr_t>(level));
  }
  void Give(const void* level, uint64_t flow) {
    --taken_;
    Drop(flows_, flow);
    Drop(levels_, reinterpret_cast<uintptr_t>(level));
  }
  int taken() const { return taken_; }

 private:
  // Those who have any, at most `count_`: few enough to look through.
  using Holders = std::vector<std::pair<uint64_t, int>>;
  static Holders::const_iterator Find(const Holders& holders, uint64_t who) {
    return std::find_if(holders.begin(), holders.end(),
                        [who](const auto& each) { return each.first == who; });
  }
  static int Of(const Holders& holders, uint64_t who) {
    const auto found = Find(holders, who);
    return found == holders.end() ? 0 : found->second;
  }
  static void Add(Holders& holders, uint64_t who) {
    const auto found = Find(holders, who);
    if (found == holders.end()) return void(holders.emplace_back(who, 1));
    ++holders[static_cast<size_t>(found - holders.begin())].second;
  }
  static void Drop(Holders& holders, uint64_t who) {
    const auto found = Find(holders, who);
    CHECK(found != holders.end());
    auto& holder = holders[static_cast<size_t>(found - holders.begin())];
    if (--holder.second > 0) return;
    holder = holders.back();
    holders.pop_back();
  }

  const int count_;
  int taken_ = 0;
  Holders flows_;
  Holders levels_;
};

}  // namespace skiff::flow_control
