// Whose TLS handshake goes on. One in the middle holds some 80 KB, which a stranger gets for one
// packet, so only so many are in the middle at one time; who comes later waits without being read,
// which costs little more than the descriptor.
//
//   a place gets free: the newest of those who wait has it. An honest client is through in a round
//   trip, so that all get their turn; where somebody fills the queue and the places with handshakes
//   that never end, the newcomer is the one who does not wait behind them.
//   a handshake that had its time gives way when somebody waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

namespace skiff::http {

// Not thread-safe: of one loop. `Connection` is only pointed at.
template <typename Connection>
class Handshakes {
 public:
  struct Limits {
    size_t total = 0;
    size_t per_address = 0;
  };

  explicit Handshakes(const Limits& limits) : limits_(limits) {}

  // Whether it may begin. If not, it waits, and is what a later End returns.
  bool Begin(Connection& connection, const std::string& address) {
    if (HasPlace(address, nullptr)) {
      Take(connection, address);
      return true;
    }
    waiting_.emplace(next_, Waiting{&connection, address});
    places_.emplace(&connection, Place{next_++, address, false});
    return false;
  }
  // It is through, or closed, or waits no more; without effect on one that is not here. Returns who
  // may begin instead, and now counts as begun; null: nobody.
  Connection* End(Connection& connection) {
    const auto place = places_.find(&connection);
    if (place == places_.end()) return nullptr;
    const Place was = place->second;
    places_.erase(place);
    if (!was.begun) {
      waiting_.erase(was.number);
      return nullptr;
    }
    const auto at_address = begun_.find(was.address);
    if (--at_address->second == 0) begun_.erase(at_address);
    --total_;
    const auto next = FindNext(nullptr);
    if (next == waiting_.rend()) return nullptr;
    const Waiting taken = next->second;
    waiting_.erase(std::next(next).base());
    places_.erase(taken.connection);
    Take(*taken.connection, taken.address);
    return taken.connection;
  }
  // Whether somebody could begin if it ended.
  bool IsInTheWay(const Connection& connection) const {
    const auto place = places_.find(const_cast<Connection*>(&connection));
    return place != places_.end() && place->second.begun &&
           FindNext(&place->second.address) != waiting_.rend();
  }
  size_t begun() const { return total_; }
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    Connection* connection;
    std::string address;
  };
  struct Place {
    uint64_t number;  // In waiting_.
    std::string address;
    bool begun;
  };
  using InOrder = std::map<uint64_t, Waiting>;

  // `but`: as if one from there had ended.
  bool HasPlace(const std::string& address, const std::string* but) const {
    if (total_ - (but != nullptr) >= limits_.total) return false;
    const auto at_address = begun_.find(address);
    const size_t here = at_address == begun_.end() ? 0 : at_address->second;
    return here - (but != nullptr && *but == address) < limits_.per_address;
  }
  typename InOrder::const_reverse_iterator FindNext(const std::string* but) const {
    auto at = waiting_.rbegin();
    while (at != waiting_.rend() && !HasPlace(at->second.address, but)) ++at;
    return at;
  }
  void Take(Connection& connection, const std::string& address) {
    ++total_;
    ++begun_[address];
    places_.emplace(&connection, Place{0, address, true});
  }

  const Limits limits_;
  uint64_t next_ = 0;
  size_t total_ = 0;
  std::unordered_map<std::string, size_t> begun_;  // By address.
  InOrder waiting_;
  std::unordered_map<Connection*, Place> places_;
};

}  // namespace skiff::http
