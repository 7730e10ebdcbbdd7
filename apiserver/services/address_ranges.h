// Where the addresses of Services come from: the ranges of all ServiceCIDRs, as the store has them
// now. They may overlap; an address that is taken is taken in each range that holds it.
//
//   ranges.Follow();                                   // what ServiceCIDRs say by now
//   if (const auto address = ranges.TakeAny("IPv4", random)) ...
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/networking_v1.h"
#include "api/rules/core/ip.h"
#include "apiserver/services/number_pool.h"
#include "apiserver/storage/follower.h"
#include "base/id.h"

namespace skiff {

// One prefix, of as many ServiceCIDRs as name it; addresses are given out when one of those is
// ready.
struct AddressRange {
  Cidr cidr;
  bool is_ready = false;
};

// What the ServiceCIDRs of a cluster come to, in the order given, each prefix once. Prefixes that
// nothing can be given out of are left out. Pure.
std::vector<AddressRange> RangesOf(const std::vector<networking_v1::ServiceCIDR>& objects);

// Not thread-safe: its owner locks.
class AddressRanges {
 public:
  explicit AddressRanges(Store& store);

  // One of the command line: they hold until the first ServiceCIDR is stored.
  Result<> Add(const std::string& text);
  // Of the command line, in order: "IPv4", "IPv6". Others are not given out.
  const std::vector<std::string>& families() const { return families_; }
  // The first address of the first range that was added.
  IpAddress first_address() const { return first_address_; }

  // Takes over what ServiceCIDRs say by now.
  void Follow();

  void Take(const IpAddress& address);
  void Free(const IpAddress& address);
  void FreeAll();
  bool Has(const IpAddress& address) const { return taken_.contains(address); }
  // Whether a range that is ready has it to give: no network's own address, no broadcast's.
  bool Offers(const IpAddress& address) const;
  // One that is free, of the first ready range of the family that has one.
  std::optional<IpAddress> TakeAny(std::string_view family, Random& random);
  // Of the first ready range of the family: what a dry run shows. nullopt: there is none.
  std::optional<IpAddress> NetworkOf(std::string_view family) const;

  // "10.0.0.0/24", of the first range that holds the address, and of the first of the family; ""
  // where there is none.
  std::string CidrOf(const IpAddress& address) const;
  std::string CidrOf(std::string_view family) const;
  struct Use {
    std::string cidr;
    uint64_t taken = 0, left = 0;
  };
  // Of each range.
  std::vector<Use> Uses() const;

 private:
  struct Range {
    AddressRange range;
    std::string_view family;
    NumberPool pool;  // Of offsets from the network's address.
  };
  // Keeps the pools of the ranges that stay.
  void SetRanges(const std::vector<AddressRange>& wanted);

  Store& store_;
  std::vector<std::string> families_;
  IpAddress first_address_;
  std::set<IpAddress> taken_;
  std::vector<Range> ranges_;
  Follower follower_;
  std::map<std::string, networking_v1::ServiceCIDR> objects_;  // By name.
};

}  // namespace skiff
