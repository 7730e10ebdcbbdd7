// Registers plugins of the node: whoever listens on a socket in <root>/plugins_registry is asked
// what it is, and told whether it is registered. CSI drivers are; others are refused in words.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"
#include "http/file_watch.h"
#include "kubelet/csi/drivers.h"
#include "kubelet/node_status.h"

namespace skiff::kubelet::csi {

class PluginRegistrar final : public ControlLoop {
 public:
  static constexpr Duration kFirstRetry = 500ms;
  static constexpr Duration kLongestRetry = 2min + 2s;
  // Looked at this often although nothing was heard: directories in it are not watched.
  static constexpr Duration kCheckEvery = 10s;
  static constexpr size_t kSocketsMax = 200;  // More are passed over.

  struct Options {
    std::string root;
    std::string node_name;
  };
  // `loops` may be nullptr: then the directory is looked at now and then only.
  PluginRegistrar(Options options, Client& client, const Clock& clock, http::Loops* loops,
                  FindNode find, Drivers& drivers);
  Duration Step() override;

 private:
  struct Plugin {
    uint64_t inode = 0;  // Another socket of the same name is another plugin.
    int64_t made_at = 0;
    std::string driver;  // "": not registered.
    bool refused = false;
    int failures = 0;
    Duration due{};  // Monotonic.
  };
  void Watch();
  std::map<std::string, Plugin> Find() const;
  Result<> Register(const std::string& socket, Plugin& plugin);
  Result<> RegisterDriver(const std::string& name, const std::string& endpoint);
  void Unregister(const std::string& name);
  template <typename Change>
  Result<> WriteCsiNode(Change change);

  const Options options_;
  const std::string directory_;
  Client& client_;
  const Clock& clock_;
  http::Loops* const loops_;
  const FindNode find_;
  Drivers& drivers_;
  const Log log_{"plugins"};
  std::map<std::string, Plugin> plugins_;  // By the path of the socket.
  std::set<std::string> leaving_;          // Drivers that the API still has to be told of.
  std::unique_ptr<http::FileWatch> watch_;
};

}  // namespace skiff::kubelet::csi
