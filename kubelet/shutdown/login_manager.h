// What a kubelet asks of systemd-logind: that a shutdown of the machine waits for it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "kubelet/systemd/system_bus.h"

namespace skiff::kubelet {

// One thread. Each call may wait for its answer for some seconds.
class LoginManager {
 public:
  virtual ~LoginManager() = default;
  // Anew, where there was a connection; a lock that is held stays.
  virtual Result<> Connect() = 0;
  // How long a shutdown waits at most for those who hold a lock.
  virtual Result<Duration> DelayMax() = 0;
  // Has it wait for so long, from a moment later on.
  virtual Result<> SetDelayMax(Duration delay) = 0;
  // A shutdown waits until the lock is released. It takes the place of one that is held.
  virtual Result<> Lock() = 0;
  virtual void Release() = 0;
  // What was told since the last call, without waiting: true, the machine is about to shut down;
  // false, it is not any more. Fails where the connection is lost.
  virtual Result<std::optional<bool>> Told() = 0;
};

struct LoginManagerPaths {
  std::string bus_socket = kSystemBusSocket;
  std::string configuration = "/etc/systemd/logind.conf.d";  // A directory.
};
// Over the system bus. The clock outlives it.
std::unique_ptr<LoginManager> MakeLoginManager(const Clock& clock, LoginManagerPaths paths = {});

}  // namespace skiff::kubelet
