// Hands out blocks of an address range. Pure; one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"

namespace skiff {

// An IPv4 or IPv6 range, by its first address.
struct PodCidr {
  std::array<uint8_t, 16> address = {};  // The first 4 bytes of IPv4.
  int prefix = 0;
  bool ipv6 = false;
  static Result<PodCidr> Parse(const std::string& text);
  std::string Text() const;
  bool Contains(const PodCidr& other) const;
  bool Overlaps(const PodCidr& other) const { return Contains(other) || other.Contains(*this); }
  bool operator==(const PodCidr&) const = default;
};

class CidrAllocator {
 public:
  // So many bits may number the blocks, as in Kubernetes; of IPv4, where that has no bound, so many
  // that each may be remembered: 10.0.0.0/8 has blocks of /28.
  static constexpr int kBlockBitsMax = 16;
  static constexpr int kIpv4BlockBitsMax = 20;
  // A block that is more bits shorter than ours is far larger.
  static constexpr int kLargerBlockBitsMax = 4;
  // Blocks with `block_prefix` bits out of `range`. `reserved` are never touched. More bits of
  // blocks than there may be fail.
  static Result<CidrAllocator> Make(const PodCidr& range, int block_prefix,
                                    std::vector<PodCidr> reserved);
  // The next free block after the last one, from the start again at the end; nullopt when full.
  std::optional<PodCidr> Allocate();
  // How many blocks that call looked at before it found one.
  uint32_t tries() const { return tries_; }
  const PodCidr& range() const { return range_; }
  uint32_t count() const { return count_; }
  size_t used() const { return used_.size(); }
  bool IsFarLarger(const PodCidr& block) const;
  // Marks blocks that `block` covers as used; false where there are none.
  bool Occupy(const PodCidr& block);
  // What `block` covers is given out when nothing else is left. False where that is nothing.
  bool Avoid(const PodCidr& block);
  // Ends both.
  void Release(const PodCidr& block);

 private:
  PodCidr Block(uint32_t index) const;
  // Marks it as used.
  PodCidr Take(uint32_t index);
  // The first and last block that the range touches; nullopt for none.
  std::optional<std::pair<uint32_t, uint32_t>> Touched(const PodCidr& block) const;
  PodCidr range_;
  int block_prefix_ = 0;
  uint32_t count_ = 0;
  uint32_t next_ = 0;
  uint32_t tries_ = 0;
  std::vector<PodCidr> reserved_;
  std::vector<PodCidr> avoided_;  // Each once.
  std::set<uint32_t> used_;
};

}  // namespace skiff
