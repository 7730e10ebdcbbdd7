// Connections that have asked for nothing yet: in their handshake, or before the end of their first
// head. Opening them costs a stranger nothing, so their number is bounded; and since whoever means
// it is through in a moment, it is the oldest that makes room for the newest, never the other way.
//
//   soft limit: the oldest goes if it had its time, kPatience; a storm of clients that all connect
//               at once is let through
//   twice that: the oldest goes at once
//
// The oldest is that of the address with the most, where those are more than an address's part: so
// that one host alone, which may be slow with all of its handshakes, has the room that there is,
// and makes it for whoever comes from elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

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
    InOrder& at_address = by_address_[address];
    Resize(address, at_address.size(), at_address.size() + 1);
    at_address.emplace(next_, arrival);
    places_.emplace(&connection, Place{next_, address});
    ++next_;
  }
  // Without effect on one that is not here.
  void Remove(Connection& connection) {
    const auto place = places_.find(&connection);
    if (place == places_.end()) return;
    all_.erase(place->second.number);
    const auto at_address = by_address_.find(place->second.address);
    Resize(at_address->first, at_address->second.size(), at_address->second.size() - 1);
    at_address->second.erase(place->second.number);
    if (at_address->second.empty()) by_address_.erase(at_address);
    places_.erase(place);
  }
  // The one that has to go before another comes; null when there is room.
  Connection* ToMakeRoom(Duration now) const {
    if (all_.size() < limits_.total) return nullptr;
    const auto& [most, address] = *by_size_.rbegin();
    const InOrder& among = most > limits_.per_address ? by_address_.find(address)->second : all_;
    const Arrival& oldest = among.begin()->second;
    const bool had_its_time = now - oldest.at >= kPatience;
    return had_its_time || all_.size() >= 2 * limits_.total ? oldest.connection : nullptr;
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

  void Resize(const std::string& address, size_t from, size_t to) {
    if (from > 0) by_size_.erase(std::pair(from, address));
    if (to > 0) by_size_.emplace(to, address);
  }

  const Limits limits_;
  uint64_t next_ = 0;
  InOrder all_;
  std::unordered_map<std::string, InOrder> by_address_;
  std::set<std::pair<size_t, std::string>> by_size_;  // Addresses, by how many are from there.
  std::unordered_map<Connection*, Place> places_;
};

}  // namespace skiff::http
