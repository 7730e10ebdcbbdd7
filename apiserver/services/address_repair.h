// Keeps the IPAddress objects of Services as they should be: one for each address that a Service
// has, whoever deletes it, and none that a server which died left behind. By them others see which
// ranges are in use, and where several servers serve one store, who has which address. There,
// claims of node ports that were left behind go as well.
#pragma once

#include <memory>
#include <string>

#include "api/gen/core_v1.h"
#include "apiserver/services/service_claims.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/id.h"
#include "base/log.h"

namespace skiff {

// Looks at all of them once, and from then on at those that are deleted. While there are claims of
// ports, that is while several servers may write, at all of them from time to time: an answer of
// the store that is lost leaves a claim, too.
class AddressRepair final : public ControlLoop {
 public:
  static constexpr Duration kClaimsEvery = 10min;
  // While there is a Service that cannot be read: it may be, later.
  static constexpr Duration kUnknownEvery = 10min;

  // All outlive it.
  AddressRepair(Store& store, const Clock& clock, Random& random)
      : store_(store), clock_(clock), random_(random), claims_(store, clock, random) {}
  Duration Step() override;

 private:
  // False when it is no longer known what was deleted.
  bool ReadOn();
  // How long until there is one that will be old enough to have been left behind.
  Result<Duration> CompareAll();
  Duration DropIfLeft(const Record& record);
  // False: that could not be done, or told whether it has to be.
  bool RestoreDeleted(const Record& record);
  bool Restore(const core_v1::Service& service, const std::string& address);

  Store& store_;
  const Clock& clock_;
  Random& random_;
  ServiceClaims claims_;
  const Log log_{"apiserver"};
  std::unique_ptr<WatchCursor> cursor_;
  Duration due_ = kNever;  // When all are looked at again.
};

}  // namespace skiff
