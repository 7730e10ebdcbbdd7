// Which servers are there, where several serve one store: kube-apiserver's "lease" endpoint
// reconciler.
//
//   /registry/masterleases/<address>   held by each server, gone kTtl after its last renewal: an
//                                      Endpoints of that address, and of others that it has
//
// Each server renews its own and writes the addresses that are held into the Endpoints and the
// EndpointSlice of the service `kubernetes`, so that pods find a server as long as there is one. Of
// the others an annotation of the EndpointSlice tells (api/server_addresses.h).
#pragma once

#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"

namespace skiff {

// The store makes keys below this expire after kTtl.
inline constexpr char kMasterLeases[] = "masterleases";

class MasterLeases final : public ControlLoop {
 public:
  static constexpr Duration kTtl = 15s;
  static constexpr Duration kPeriod = 10s;
  // After a failure, before it has run out.
  static constexpr Duration kTryAgain = 2s;

  // `address`: the one that this server advertises. `store` outlives the loop.
  MasterLeases(Store& store, std::string address, std::vector<std::string> others = {})
      : store_(store), address_(std::move(address)), others_(std::move(others)) {}

  Duration Step() override;
  // The server ends: clients are sent elsewhere at once, and Step does nothing from now on.
  void Withdraw();

 private:
  Result<> Renew();
  Result<> Reconcile();
  void Leave();
  Result<> WriteEndpoints(const std::set<std::string>& addresses);
  Result<> WriteSlice(const std::set<std::string>& addresses, const std::set<std::string>& others);

  Store& store_;
  const std::string address_;
  const std::vector<std::string> others_;
  const Log log_{"apiserver"};
  std::atomic<bool> withdrawn_ = false;
};

}  // namespace skiff
