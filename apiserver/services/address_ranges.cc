#include "apiserver/services/address_ranges.h"

#include <algorithm>

#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/keys.h"
#include "base/log.h"

namespace skiff {
namespace {

using networking_v1::ServiceCIDR;

// Larger ranges hand out their first this many addresses only.
constexpr uint64_t kAddressesMax = uint64_t{1} << 32;
// As in Kubernetes, nothing is given out of an IPv6 range of a shorter prefix: addresses are told
// apart by the bits behind it, of which a number holds as many.
constexpr int kPrefixLengthMin6 = 64;
// The one of the command line, which comes first.
constexpr std::string_view kDefaultName = "kubernetes";

std::string_view FamilyOf(const IpAddress& address) {
  return address.v6 ? "IPv6" : "IPv4";
}

uint64_t SizeOf(const Cidr& cidr) {
  const size_t host_bits = cidr.address.bit_count() - static_cast<size_t>(cidr.prefix_length);
  return host_bits >= 32 ? kAddressesMax : uint64_t{1} << host_bits;
}

// The last offset that is given out, from 1 on. An IPv4 network ends with its broadcast address.
uint64_t LastOf(const Cidr& cidr) {
  const uint64_t size = SizeOf(cidr);
  const uint64_t unused = cidr.address.v6 ? 1 : 2;
  return size > unused ? size - unused : 0;
}

bool IsTooWide(const Cidr& cidr) {
  return cidr.address.v6 && cidr.prefix_length < kPrefixLengthMin6;
}

NumberPool PoolOf(const Cidr& cidr) {
  const uint64_t size = SizeOf(cidr);
  const uint64_t band = size <= 16 ? 0 : std::min<uint64_t>(std::max<uint64_t>(16, size / 16), 256);
  return NumberPool(1, LastOf(cidr), band);
}

IpAddress AtOffset(const Cidr& cidr, uint64_t offset) {
  IpAddress address = cidr.Network();
  const size_t last = address.v6 ? 15 : 3;
  for (size_t i = 0; i < 8 && i <= last && offset > 0; ++i) {
    offset += address.bytes[last - i];
    address.bytes[last - i] = static_cast<uint8_t>(offset & 255);
    offset >>= 8;
  }
  return address;
}

uint64_t OffsetOf(const Cidr& cidr, const IpAddress& address) {
  const IpAddress base = cidr.Network();
  const size_t bytes = address.v6 ? 16 : 4;
  uint64_t a = 0;
  uint64_t b = 0;
  for (size_t i = bytes > 8 ? bytes - 8 : 0; i < bytes; ++i) {
    a = a << 8 | address.bytes[i];
    b = b << 8 | base.bytes[i];
  }
  return a - b;
}

// Without a condition it is: no controller may be there to say so.
bool IsReady(const ServiceCIDR& object) {
  if (object.metadata.deletion_timestamp) return false;
  for (const auto& condition : object.status.conditions) {
    if (condition.type == "Ready") return condition.status == "True";
  }
  return true;
}

std::string TextOf(const Cidr& cidr) {
  return cidr.Network().Text() + "/" + std::to_string(cidr.prefix_length);
}

bool IsSame(const Cidr& a, const Cidr& b) {
  return a.prefix_length == b.prefix_length && a.Network() == b.Network();
}

}  // namespace

std::vector<AddressRange> RangesOf(const std::vector<ServiceCIDR>& objects) {
  std::vector<AddressRange> ranges;
  for (const ServiceCIDR& object : objects) {
    for (const std::string& text : object.spec.cidrs) {
      const auto cidr = ParseCidr(text);
      if (!cidr || LastOf(*cidr) == 0 || IsTooWide(*cidr)) continue;
      const auto same = std::find_if(ranges.begin(), ranges.end(), [&](const AddressRange& range) {
        return IsSame(range.cidr, *cidr);
      });
      if (same != ranges.end()) {
        same->is_ready |= IsReady(object);
      } else {
        ranges.push_back({*cidr, IsReady(object)});
      }
    }
  }
  return ranges;
}

AddressRanges::AddressRanges(Store& store)
    : store_(store), follower_(store, StorePrefix(ServiceCIDR::Info().storage_key)) {}

Result<> AddressRanges::Add(const std::string& text) {
  const auto cidr = ParseCidr(text);
  if (!cidr) return Fail(Reason::kInvalid, "invalid CIDR address: " + text);
  if (SizeOf(*cidr) < 4) {
    return Fail(Reason::kInvalid, "the service cluster IP range is too small: " + text);
  }
  if (IsTooWide(*cidr)) {
    return Fail(Reason::kInvalid, "the service cluster IP range is too large: " + text +
                                      ": the shortest prefix of IPv6 is /64");
  }
  if (families_.empty()) first_address_ = AtOffset(*cidr, 1);
  families_.emplace_back(FamilyOf(cidr->address));
  ranges_.push_back({{*cidr, true}, FamilyOf(cidr->address), PoolOf(*cidr)});
  return {};
}

void AddressRanges::SetRanges(const std::vector<AddressRange>& wanted) {
  std::vector<Range> ranges;
  for (const AddressRange& next : wanted) {
    const auto known = std::find_if(ranges_.begin(), ranges_.end(), [&](const Range& range) {
      return IsSame(range.range.cidr, next.cidr);
    });
    if (known != ranges_.end()) {
      ranges.push_back({next, known->family, std::move(known->pool)});
      continue;
    }
    Range range{next, FamilyOf(next.cidr.address), PoolOf(next.cidr)};
    for (auto at = taken_.lower_bound(next.cidr.Network());
         at != taken_.end() && next.cidr.Contains(*at); ++at) {
      range.pool.Take(OffsetOf(next.cidr, *at));
    }
    ranges.push_back(std::move(range));
  }
  ranges_.swap(ranges);
}

void AddressRanges::Follow() {
  bool changed = false;
  const auto put = [&](const Record& record) {
    const auto object = ObjectOf(ServiceCIDR::Info(), record);
    if (!object) return;
    const auto& cidr = *object->As<ServiceCIDR>();
    objects_[cidr.metadata.name] = cidr;
    changed = true;
  };
  const bool read = follower_.Read(store_.Current(), [&](const Event& event) {
    if (event.kind == Event::Kind::kPut) return put(*event.record);
    const std::string_view key = event.record->key;
    changed |= objects_.erase(std::string(key.substr(key.rfind('/') + 1))) > 0;
  });
  // When neither succeeds, what was known holds on.
  if (!read) (void)follower_.List([&] { objects_.clear(); }, put);
  if (!changed || objects_.empty()) return;
  std::vector<ServiceCIDR> in_order;
  for (const auto& [name, object] : objects_) {
    in_order.insert(name == kDefaultName ? in_order.begin() : in_order.end(), object);
  }
  SetRanges(RangesOf(in_order));
}

void AddressRanges::Take(const IpAddress& address) {
  taken_.insert(address);
  for (Range& each : ranges_) {
    if (each.range.cidr.Contains(address)) each.pool.Take(OffsetOf(each.range.cidr, address));
  }
}

void AddressRanges::Free(const IpAddress& address) {
  taken_.erase(address);
  for (Range& each : ranges_) {
    if (each.range.cidr.Contains(address)) each.pool.Free(OffsetOf(each.range.cidr, address));
  }
}

void AddressRanges::FreeAll() {
  taken_.clear();
  for (Range& each : ranges_) each.pool.FreeAll();
}

bool AddressRanges::Offers(const IpAddress& address) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& each) {
    return each.range.is_ready && each.range.cidr.Contains(address) &&
           each.pool.InRange(OffsetOf(each.range.cidr, address));
  });
}

std::optional<IpAddress> AddressRanges::TakeAny(std::string_view family, Random& random) {
  for (Range& each : ranges_) {
    if (!each.range.is_ready || each.family != family) continue;
    const auto offset = each.pool.TakeAny(random);
    if (!offset) continue;
    const IpAddress address = AtOffset(each.range.cidr, *offset);
    Take(address);
    return address;
  }
  return std::nullopt;
}

std::optional<IpAddress> AddressRanges::NetworkOf(std::string_view family) const {
  for (const Range& each : ranges_) {
    if (each.range.is_ready && each.family == family) return each.range.cidr.Network();
  }
  return std::nullopt;
}

std::string AddressRanges::CidrOf(const IpAddress& address) const {
  for (const Range& each : ranges_) {
    if (each.range.cidr.Contains(address)) return TextOf(each.range.cidr);
  }
  return "";
}

std::string AddressRanges::CidrOf(std::string_view family) const {
  for (const Range& each : ranges_) {
    if (each.family == family) return TextOf(each.range.cidr);
  }
  return "";
}

std::vector<AddressRanges::Use> AddressRanges::Uses() const {
  std::vector<Use> uses;
  for (const Range& each : ranges_) {
    uses.push_back({TextOf(each.range.cidr), each.pool.taken(), each.pool.left()});
  }
  return uses;
}

}  // namespace skiff
