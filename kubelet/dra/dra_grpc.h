// The calls of a kubelet to a DRA driver on its node, over one connection that comes back.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kubelet/dra/claims.h"
#include "kubelet/dra/dra_metrics.h"

namespace skiff::kubelet::dra {

// Thread-safe; calls block.
class DriverClient {
 public:
  static constexpr Duration kTimeout = 45s;

  // `service`: "v1.DRAPlugin" or "v1beta1.DRAPlugin". `metrics` may be nullptr.
  DriverClient(std::string driver, std::string endpoint, std::string service, DraMetrics* metrics);
  ~DriverClient();
  const std::string& driver() const { return driver_; }
  const std::string& endpoint() const { return endpoint_; }

  // Whether somebody answers on the socket now; when not, it is tried again.
  bool IsConnected() const;

  struct Prepared {
    std::vector<Device> devices;
    std::string error;
  };
  // By the uid of the claim. They say what has failed as a whole; what has for one claim, the
  // answer.
  Result<std::map<std::string, Prepared>> Prepare(const std::vector<ClaimInfo>& claims) const;
  Result<std::map<std::string, std::string>> Unprepare(const std::vector<ClaimInfo>& claims) const;

 private:
  struct Connection;
  const std::string driver_;
  const std::string endpoint_;
  const std::string service_;
  DraMetrics* const metrics_;
  const std::unique_ptr<Connection> connection_;
};

}  // namespace skiff::kubelet::dra
