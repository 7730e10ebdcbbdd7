// How many of something each client holds, where all of them together may hold so many: who takes
// all that he can keeps nobody else out.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "api/rules/core/ip.h"

namespace skiff::dns {

class ClientShares {
 public:
  void Add(const IpAddress& client) {
    ++held_[client];
    ++total_;
  }
  void Remove(const IpAddress& client);
  size_t total() const { return total_; }
  // Where nothing is left for one more of that client's: of whose one is to make room for it, of
  // who has most. nullopt: the client has as many itself.
  std::optional<IpAddress> WhoMakesRoomFor(const IpAddress& client) const;

 private:
  std::map<IpAddress, size_t> held_;  // No zeros.
  size_t total_ = 0;
};

}  // namespace skiff::dns
