// Connections that have asked for nothing yet: in their handshake, or before the end of their first
// head. Opening them costs a stranger nothing, so their number is bounded; and since whoever means
// it is through in a moment, it is the oldest that makes room for the newest, never the other way.
//
//   soft limit: the oldest goes if it had its time, kPatience; a storm of clients that all connect
//               at once is let through
//   twice that: the oldest goes at once
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace skiff::http {

// Not thread-safe: of one loop. `Connection` is only pointed at.
template <typename Connection>
class Arrivals {
 public:
  static constexpr Duration kPatience = 2s;
  struct Limits {
    size_t total = 0;
    size_t per_address = 0;
  };

  explicit Arrivals(const Limits& limits) : limits_(limits) {}

  void Add(Connection& connection, const std::string& address, Duration now) {
    const Arrival arrival{&connection, now};
    all_.emplace(next_, arrival);
    by_address_[address].emplace(next_, arrival);
    places_.emplace(&connection, Place{next_, address});
    ++next_;
  }
  // Without effect on one that is not here.
  void Remove(Connection& connection) {
    const auto place = places_.find(&connection);
    if (place == places_.end()) return;
    all_.erase(place->second.number);
    const auto at_address = by_address_.find(place->second.address);
    at_address->second.erase(place->second.number);
    if (at_address->second.empty()) by_address_.erase(at_address);
    places_.erase(place);
  }
  // The one that has to go before another comes from `address`; null when there is room.
  Connection* ToMakeRoom(const std::string& address, Duration now) const {
    const auto at_address = by_address_.find(address);
    if (at_address != by_address_.end()) {
      if (auto* oldest = OldestOver(at_address->second, limits_.per_address, now)) return oldest;
    }
    return OldestOver(all_, limits_.total, now);
  }
  size_t size() const { return all_.size(); }

 private:
  struct Arrival {
    Connection* connection;
    Duration at;  // Monotonic.
  };
  struct Place {
    uint64_t number;
    std::string address;
  };
  using InOrder = std::map<uint64_t, Arrival>;

  static Connection* OldestOver(const InOrder& arrivals, size_t limit, Duration now) {
    if (arrivals.size() < limit) return nullptr;
    const Arrival& oldest = arrivals.begin()->second;
    const bool had_its_time = now - oldest.at >= kPatience;
    return had_its_time || arrivals.size() >= 2 * limit ? oldest.connection : nullptr;
  }

  const Limits limits_;
  uint64_t next_ = 0;
  InOrder all_;
  std::unordered_map<std::string, InOrder> by_address_;
  std::unordered_map<Connection*, Place> places_;
};

}  // namespace skiff::http
