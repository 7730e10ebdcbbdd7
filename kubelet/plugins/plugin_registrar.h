// Registers plugins of the node: whoever listens on a socket in <root>/plugins_registry is asked
// what it is, and told whether it is registered. What is done with it is its type's handler's
// business; types without one are refused in words.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "http/file_watch.h"
#include "kubelet/plugins/registration.h"

namespace skiff::kubelet::plugins {

using Handlers = std::map<std::string, PluginHandler*>;  // By type. They outlive whoever has them.

class PluginRegistrar final : public ControlLoop {
 public:
  static constexpr Duration kFirstRetry = 500ms;
  static constexpr Duration kLongestRetry = 2min + 2s;
  // Looked at this often although nothing was heard: directories in it are not watched.
  static constexpr Duration kCheckEvery = 10s;
  static constexpr size_t kSocketsMax = 200;  // More are passed over.

  // `loops` may be nullptr: then the directory is looked at now and then only.
  PluginRegistrar(std::string root, const Clock& clock, http::Loops* loops, Handlers handlers);
  Duration Step() override;

 private:
  struct Plugin {
    uint64_t inode = 0;  // Another socket of the same name is another plugin.
    int64_t made_at = 0;
    std::optional<PluginInfo> registered;
    bool refused = false;
    int failures = 0;
    Duration due{};  // Monotonic.
  };
  void Watch();
  std::map<std::string, Plugin> Find() const;
  void Unregister(const PluginInfo& info);
  Result<> Register(const std::string& socket, Plugin& plugin);

  const std::string root_;
  const std::string directory_;
  const Clock& clock_;
  http::Loops* const loops_;
  const Handlers handlers_;
  const Log log_{"plugins"};
  std::map<std::string, Plugin> plugins_;  // By the path of the socket.
  std::unique_ptr<http::FileWatch> watch_;
};

}  // namespace skiff::kubelet::plugins
