// Who has which address and node port, where several servers hand them out: a record in the store
// for each, made before the Service is written and only by one.
//
//   address   its IPAddress object, as in Kubernetes
//   port      a record of the same shape, /registry/ranges/servicenodeports/<port>
//
// A claim whose Service does not have the number, and that is older than any write may take, was
// left behind by a server that died between the two writes; whoever wants the number takes it over,
// and AddressRepair takes it away.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/gen/core_v1.h"
#include "apiserver/objects/object.h"
#include "apiserver/storage/follower.h"
#include "base/clock.h"
#include "base/id.h"

namespace skiff {

// "10.0.0.1" or "30080".
using ServiceNumber = std::string;

// What the IPAddress of an address is called, however a service writes it ("FD00:0::1").
std::string AddressName(const std::string& text);

// The IPAddress object of an address that a service has.
Object IpAddressObject(const core_v1::Service& service, const std::string& address, Random& random,
                       TimePoint now);

// Thread-safe but for Follow, which has one caller at a time.
class ServiceClaims {
 public:
  static constexpr Duration kAbandonedAfter = 60s;

  // All outlive it.
  ServiceClaims(Store& store, const Clock& clock, Random& random);

  // The revision of the claim, by which it can be given back; nullopt when another service has the
  // number.
  Result<std::optional<Revision>> Take(const ServiceNumber& number,
                                       const core_v1::Service& service);
  // The write of the service failed: as if Take had not been called.
  void GiveBack(const ServiceNumber& number, Revision claim, const core_v1::Service& service);
  // The service was written: nobody can have taken the claim away.
  void Confirm(const ServiceNumber& number, const core_v1::Service& service);
  // The service does not have the number any more.
  void Drop(const ServiceNumber& number, const core_v1::Service& service);
  // Under which all claims of ports lie.
  static std::string PortsPrefix();
  // Takes the claim away that was left behind. How long until it can be told that it was; kNever
  // where its service has the number, or it is gone.
  Duration DropAbandoned(const Record& claim);

  // Tells what was claimed and dropped, through any server, since the last call; all there is when
  // it is the first one, or too long ago: `begin` is called then.
  using Tell = std::function<void(const ServiceNumber& number, bool taken)>;
  void Follow(const std::function<void()>& begin, const Tell& tell);

 private:
  struct Holder {
    std::string namespace_name;
    std::string name;
    std::optional<TimePoint> since;
  };
  static Holder HolderOf(const Record& claim);
  std::string Key(const ServiceNumber& number) const;
  Result<Write> WriteOf(const ServiceNumber& number, const core_v1::Service& service);
  bool Has(const Holder& holder, const ServiceNumber& number);

  Store& store_;
  const Clock& clock_;
  Random& random_;
  Follower addresses_;
  Follower ports_;
};

}  // namespace skiff
