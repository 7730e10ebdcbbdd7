#include "controllers/nodes/cidr_allocator.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace skiff {
namespace {

bool SameBits(const PodCidr& a, const PodCidr& b, int bits) {
  for (int bit = 0; bit < bits; ++bit) {
    const int mask = 0x80 >> (bit % 8);
    if ((a.address[bit / 8] & mask) != (b.address[bit / 8] & mask)) return false;
  }
  return true;
}

}  // namespace

Result<PodCidr> PodCidr::Parse(const std::string& text) {
  const auto bad = [&] { return Fail(Reason::kInvalid, "invalid CIDR address: " + text); };
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return bad();
  PodCidr cidr;
  const std::string address = text.substr(0, slash);
  cidr.ipv6 = address.find(':') != std::string::npos;
  if (inet_pton(cidr.ipv6 ? AF_INET6 : AF_INET, address.c_str(), cidr.address.data()) != 1) {
    return bad();
  }
  const char* end = text.data() + text.size();
  const auto [parsed_to, error] = std::from_chars(text.data() + slash + 1, end, cidr.prefix);
  if (error != std::errc() || parsed_to != end || cidr.prefix < 0 ||
      cidr.prefix > (cidr.ipv6 ? 128 : 32)) {
    return bad();
  }
  for (int bit = cidr.prefix; bit < 128; ++bit) {
    cidr.address[bit / 8] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  }
  return cidr;
}

std::string PodCidr::Text() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(ipv6 ? AF_INET6 : AF_INET, address.data(), text, sizeof(text));
  return fmt::format("{}/{}", text, prefix);
}

bool PodCidr::Contains(const PodCidr& other) const {
  return ipv6 == other.ipv6 && prefix <= other.prefix && SameBits(*this, other, prefix);
}

Result<CidrAllocator> CidrAllocator::Make(const PodCidr& range, int block_prefix,
                                          std::vector<PodCidr> reserved) {
  const int bits_max = range.ipv6 ? kBlockBitsMax : kIpv4BlockBitsMax;
  if (block_prefix < range.prefix || block_prefix > (range.ipv6 ? 128 : 32) ||
      block_prefix - range.prefix > bits_max) {
    return Fail(Reason::kInvalid,
                fmt::format("cannot cut {} into blocks of /{}", range.Text(), block_prefix));
  }
  CidrAllocator allocator;
  allocator.range_ = range;
  allocator.block_prefix_ = block_prefix;
  allocator.count_ = 1u << (block_prefix - range.prefix);
  allocator.reserved_ = std::move(reserved);
  return allocator;
}

std::optional<PodCidr> CidrAllocator::Allocate() {
  const auto overlaps = [](const std::vector<PodCidr>& ranges, const PodCidr& block) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const PodCidr& it) { return it.Overlaps(block); });
  };
  std::optional<uint32_t> last;
  for (uint32_t tried = 0; tried < count_; ++tried) {
    tries_ = tried;
    const uint32_t index = (next_ + tried) % count_;
    if (used_.contains(index) || overlaps(reserved_, Block(index))) continue;
    if (!overlaps(avoided_, Block(index))) return Take(index);
    if (!last) last = index;
  }
  if (!last) return std::nullopt;
  return Take(*last);
}

PodCidr CidrAllocator::Take(uint32_t index) {
  used_.insert(index);
  next_ = (index + 1) % count_;
  return Block(index);
}

bool CidrAllocator::IsFarLarger(const PodCidr& block) const {
  return block.ipv6 == range_.ipv6 && block.prefix + kLargerBlockBitsMax < block_prefix_;
}

bool CidrAllocator::Occupy(const PodCidr& block) {
  const auto touched = Touched(block);
  if (!touched) return false;
  for (uint32_t index = touched->first; index <= touched->second; ++index) used_.insert(index);
  return true;
}

bool CidrAllocator::Avoid(const PodCidr& block) {
  if (!block.Overlaps(range_)) return false;
  if (std::find(avoided_.begin(), avoided_.end(), block) == avoided_.end()) {
    avoided_.push_back(block);
  }
  return true;
}

void CidrAllocator::Release(const PodCidr& block) {
  std::erase(avoided_, block);
  const auto touched = Touched(block);
  if (!touched) return;
  for (uint32_t index = touched->first; index <= touched->second; ++index) used_.erase(index);
}

PodCidr CidrAllocator::Block(uint32_t index) const {
  PodCidr block = range_;
  block.prefix = block_prefix_;
  for (int bit = block_prefix_ - 1; bit >= range_.prefix; --bit, index >>= 1) {
    if (index & 1) block.address[bit / 8] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  }
  return block;
}

std::optional<std::pair<uint32_t, uint32_t>> CidrAllocator::Touched(const PodCidr& block) const {
  if (block.Contains(range_)) return std::pair(0u, count_ - 1);
  if (!range_.Contains(block)) return std::nullopt;
  uint32_t index = 0;
  for (int bit = range_.prefix; bit < block_prefix_; ++bit) {
    index <<= 1;
    if (block.address[bit / 8] & (0x80 >> (bit % 8))) index |= 1;
  }
  // A larger block covers several of ours; its lower bits are zero.
  const int spare = std::max(0, block_prefix_ - block.prefix);
  return std::pair(index, index + (1u << spare) - 1);
}

}  // namespace skiff
