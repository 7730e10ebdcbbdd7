// Addresses and node ports of Services: reserved before a write, recorded as IPAddress objects,
// rebuilt from the stored Services at start. Addresses come from the ranges of ServiceCIDRs. Where
// other servers hand out numbers of the same ranges, what is in memory is only where to look first:
// a claim in the store decides.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/rules/core/ip.h"
#include "apiserver/services/address_ranges.h"
#include "apiserver/services/allocation.h"
#include "apiserver/services/allocation_counts.h"
#include "apiserver/services/number_pool.h"
#include "apiserver/services/service_claims.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mutex.h"

namespace skiff {

class ServiceAllocation final : public AllocationHooks {
 public:
  struct Options {
    std::vector<std::string> cluster_ip_ranges;  // One or two CIDRs.
    int node_port_min = 30000;
    int node_port_max = 32767;
    bool shared = false;  // Other servers use the same store.
  };
  static Result<std::unique_ptr<ServiceAllocation>> Create(Options options, Store& store,
                                                           const Clock& clock, Random& random);

  bool Owns(const KindInfo& kind) const override;
  Result<std::unique_ptr<Reservation>> Reserve(Object& object, const Object* old,
                                               bool dry_run) override;
  void Release(const Object& object) override;
  // kube_apiserver_{clusterip,nodeport}_allocator_*, from then on. Once, before all requests;
  // nobody asks `registry` for its text when this is gone. Who does waits for no request, as these
  // wait for the store.
  void AddMetrics(MetricRegistry& registry);
  // Of the first range: what the service `kubernetes` has.
  const std::string& FirstAddress() const { return first_address_; }

 private:
  class Held;
  // What a scrape tells: as it was when a request was through with the ranges.
  struct Numbers {
    std::vector<AddressRanges::Use> ranges;
    uint64_t ports_taken = 0, ports_left = 0;
  };

  ServiceAllocation(Store& store, const Clock& clock, Random& random, NumberPool ports)
      : store_(store),
        clock_(clock),
        random_(random),
        ranges_(store),
        ports_(std::move(ports)) {}
  void TakeWhatServicesHave() REQUIRES(mutex_);
  // Takes and frees what other servers did.
  void FollowClaims() REQUIRES(mutex_);
  void Note(const ServiceNumber& number, bool taken) REQUIRES(mutex_);
  Result<std::unique_ptr<Held>> TryReserve(core_v1::Service& service, const core_v1::Service* old,
                                           bool dry_run, const std::set<ServiceNumber>& refused);
  Result<> ReserveNumbers(core_v1::Service& service, const core_v1::Service* old, Held& held);
  Result<> ReserveAddresses(core_v1::Service& service, const core_v1::Service* old, Held& held)
      REQUIRES(mutex_);
  Result<> ReservePorts(core_v1::Service& service, const core_v1::Service* old, Held& held)
      REQUIRES(mutex_);
  Result<> ReserveHealthPort(core_v1::Service& service, const core_v1::Service* old, Held& held)
      REQUIRES(mutex_);
  Result<> ReserveFirstPorts(core_v1::Service& service, Held& held) REQUIRES(mutex_);
  Result<> ReserveMorePorts(core_v1::Service& service, const core_v1::Service& old, Held& held)
      REQUIRES(mutex_);
  std::optional<int> TakeAnyPort(Held& held) REQUIRES(mutex_);
  Result<int> TakeAnyNodePort(Held& held) REQUIRES(mutex_);
  // What is wrong with one that is asked for; empty: nothing, and it is taken.
  std::string TakePort(int port, Held& held) REQUIRES(mutex_);
  Result<> TakeGivenPort(const core_v1::Service& service, size_t index, int port, Held& held)
      REQUIRES(mutex_);
  Result<std::string> TakeAddress(const core_v1::Service& service, const std::string& family,
                                  Held& held) REQUIRES(mutex_);
  Result<> TakeGivenAddress(const core_v1::Service& service, const std::string& text, Held& held)
      REQUIRES(mutex_);
  // Where somebody counts; of a dry run nothing, nor of an address that is of no range. What is
  // taken counts by CountTaken, when its claims are written.
  void CountAddress(const std::string& cidr, AllocationCounts::Scope scope, bool is_taken,
                    Held& held) const;
  void CountPort(AllocationCounts::Scope scope, bool is_taken, Held& held) const;
  void CountTaken(const Held& held) const;
  void ShowNumbers() REQUIRES(mutex_);
  Numbers NumbersShown() const;
  void FreeAddress(const std::string& text);
  void FreePort(int port);
  void RecordAddress(const core_v1::Service& service, const std::string& text);
  void ForgetAddress(const core_v1::Service& service, const std::string& text);
  // Whether there is an IPAddress of that name that no allocator made.
  bool IsHeldByUser(const IpAddress& address) const;

  Store& store_;
  const Clock& clock_;
  Random& random_;
  std::vector<std::string> families_;  // Of the cluster, in order. Constant once made.
  std::string first_address_;          // Constant likewise.
  int port_min_ = 0;
  int port_max_ = 0;
  mutable Mutex mutex_;
  AddressRanges ranges_ GUARDED_BY(mutex_);
  NumberPool ports_ GUARDED_BY(mutex_);
  mutable Mutex numbers_mutex_;  // Taken after mutex_, never before.
  Numbers numbers_ GUARDED_BY(numbers_mutex_);
  std::unique_ptr<AllocationCounts> counts_;  // nullptr: nobody counts.
  std::unique_ptr<ServiceClaims> claims_;     // nullptr: the numbers are ours alone.
};

}  // namespace skiff
