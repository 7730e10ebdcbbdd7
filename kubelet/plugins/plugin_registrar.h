// Registers plugins of the node: whoever listens on a socket in <root>/plugins_registry is asked
// what it is, and told whether it is registered. What is done with it is its type's handler's
// business; types without one are refused in words. Each is asked on a thread of its own: one that
// does not answer keeps none of the others waiting.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "http/file_watch.h"
#include "kubelet/plugins/registration.h"
#include "kubelet/task_pool.h"

namespace skiff::kubelet::plugins {

using Handlers = std::map<std::string, PluginHandler*>;  // By type. They outlive whoever has them.

class PluginRegistrar final : public ControlLoop {
 public:
  static constexpr Duration kFirstRetry = 500ms;
  static constexpr Duration kLongestRetry = 2min + 2s;
  // Looked at this often although nothing was heard: directories in it are not watched.
  static constexpr Duration kCheckEvery = 10s;
  static constexpr size_t kSocketsMax = 200;  // More are passed over.

  static constexpr size_t kAtOnceMax = 16;  // Others wait until one of these is done.

  // `loops` may be nullptr: then the directory is looked at now and then only. `executor`: where
  // plugins are asked, and others told of those that went; nullptr: one after the other, while it
  // steps.
  PluginRegistrar(std::string root, const Clock& clock, http::Loops* loops, Handlers handlers,
                  Executor* executor);
  Duration Step() override;

 private:
  struct Plugin {
    uint64_t inode = 0;  // Another socket of the same name is another plugin.
    int64_t made_at = 0;
    std::optional<PluginInfo> registered;
    bool refused = false;
    bool is_asked = false;  // Now; it stays until that is over.
    int failures = 0;
    Duration due{};  // Monotonic.
  };
  struct Outcome {
    std::string socket;
    Result<> done;
    std::optional<PluginInfo> registered;  // Also where the plugin could not be told of it.
    bool refused = false;
  };
  void Watch();
  // Drops those that are gone, and adds those that have come.
  void Look();
  // Begins to ask those that are due; returns how long until the next is.
  Duration AskDue();
  void TakeOutcomes();
  // Whether handlers have nothing left to tell; else it is begun, if it is not under way.
  bool Settle();
  std::map<std::string, Plugin> Find() const;
  void Unregister(const PluginInfo& info);
  Outcome Register(const std::string& socket) const;

  const std::string root_;
  const std::string directory_;
  const Clock& clock_;
  http::Loops* const loops_;
  const Handlers handlers_;
  const Log log_{"plugins"};
  std::map<std::string, Plugin> plugins_;  // By the path of the socket.
  std::unique_ptr<http::FileWatch> watch_;
  Mutex mutex_;
  std::vector<Outcome> outcomes_ GUARDED_BY(mutex_);
  std::atomic<bool> is_settling_ = false;
  std::optional<TaskPool> tasks_;  // Last: they use what is above.
};

}  // namespace skiff::kubelet::plugins
