// Follows a resolv.conf: whom this machine asks changes with the networks that it is on, and when
// it starts there may be none yet.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "dns/socket_address.h"
#include "http/file_watch.h"

namespace skiff::dns {

// The servers that the text names, those first that stand first; what is no address is left out.
std::vector<SocketAddress> ServersOf(const std::string& resolv_conf);

class ResolvConfLoop final : public ControlLoop {
 public:
  // `changed` is called from Step with the servers at first, and whenever they are others. A file
  // that is gone changes nothing.
  ResolvConfLoop(std::string path,
                 std::function<void(const std::vector<SocketAddress>& servers)> changed);
  Duration Step() override;

 private:
  void Watch();

  const std::string path_;
  const std::function<void(const std::vector<SocketAddress>&)> changed_;
  std::string known_;
  http::Loops loops_;
  std::vector<std::unique_ptr<http::FileWatch>> watches_;
  const Log log_{"dns"};
};

}  // namespace skiff::dns
