#include "kubelet/plugins/plugin_registrar.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet::plugins {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPluginsMode = 0750;

}  // namespace

PluginRegistrar::PluginRegistrar(std::string root, const Clock& clock, http::Loops* loops,
                                 Handlers handlers)
    : root_(std::move(root)),
      directory_(root_ + "/plugins_registry"),
      clock_(clock),
      loops_(loops),
      handlers_(std::move(handlers)) {}

Duration PluginRegistrar::Step() {
  Watch();
  const auto found = Find();
  for (auto it = plugins_.begin(); it != plugins_.end();) {
    const auto same = found.find(it->first);
    if (same != found.end() && same->second.inode == it->second.inode &&
        same->second.made_at == it->second.made_at) {
      ++it;
      continue;
    }
    if (it->second.registered) Unregister(*it->second.registered);
    it = plugins_.erase(it);
  }
  plugins_.insert(found.begin(), found.end());
  Duration wait = kCheckEvery;
  for (auto& [socket, plugin] : plugins_) {
    if (plugin.registered || plugin.refused) continue;
    if (const Duration left = plugin.due - clock_.Monotonic(); left > 0ns) {
      wait = std::min(wait, left);
      continue;
    }
    if (const auto done = Register(socket, plugin); !done) {
      log_.Info("plugin not registered", {{"socket", socket}, {"error", done.error().message}});
      const Duration delay =
          std::min<Duration>(kLongestRetry, kFirstRetry * (1 << plugin.failures));
      plugin.failures = std::min(plugin.failures + 1, 8);
      plugin.due = clock_.Monotonic() + delay;
      wait = std::min(wait, delay);
    }
  }
  for (const auto& [type, handler] : handlers_) {
    if (!handler->Settle()) wait = std::min<Duration>(wait, kFirstRetry);
  }
  return wait;
}

void PluginRegistrar::Unregister(const PluginInfo& info) {
  log_.Info("plugin gone", {{"type", info.type}, {"name", info.name}, {"endpoint", info.endpoint}});
  handlers_.at(info.type)->Unregister(info);
}

void PluginRegistrar::Watch() {
  for (const auto& path : {directory_, root_ + "/plugins"}) {
    if (const auto made = MakeDirectories(path, kPluginsMode); !made) {
      log_.Error("no directory for plugins", {{"error", made.error().message}});
    }
  }
  if (watch_ || loops_ == nullptr) return;
  auto watch =
      http::FileWatch::Open(*loops_, directory_, http::FileChanges::kWhole, [this] { Wake(); });
  if (watch) watch_ = std::move(*watch);
}

std::map<std::string, PluginRegistrar::Plugin> PluginRegistrar::Find() const {
  std::map<std::string, Plugin> found;
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory_, error), end; !error && it != end;
       it.increment(error)) {
    const bool is_hidden = it->path().filename().string().starts_with('.');
    if (is_hidden) it.disable_recursion_pending();
    struct stat info {};
    if (is_hidden || lstat(it->path().c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) continue;
    if (found.size() >= kSocketsMax) break;
    Plugin& plugin = found[it->path()];
    plugin.inode = info.st_ino;
    plugin.made_at = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
  }
  return found;
}

Result<> PluginRegistrar::Register(const std::string& socket, Plugin& plugin) {
  const PluginInfo info = TRY(GetPluginInfo(socket));
  const auto handler = handlers_.find(info.type);
  std::string error;
  if (handler == handlers_.end()) {
    error = fmt::format(
        "RegisterPlugin error -- no handler registered for plugin type: {} at socket {}", info.type,
        socket);
  } else if (auto refusal = handler->second->RefusalOf(info); !refusal.empty()) {
    error = "RegisterPlugin error -- plugin validation failed with err: " + refusal;
  }
  if (!error.empty()) {
    // Until it comes with another socket: asked again, it would say the same.
    plugin.refused = handler == handlers_.end();
    log_.Info("plugin refused", {{"socket", socket}, {"error", error}});
    TRY(NotifyRegistered(socket, error));
    return plugin.refused ? Result<>() : Fail(Reason::kConflict, error);
  }
  if (const auto done = handler->second->Register(info); !done) {
    error = "RegisterPlugin error -- plugin registration failed with err: " + done.error().message;
    (void)NotifyRegistered(socket, error);  // What keeps it from that is what is told of.
    return Fail(done.error().reason, error);
  }
  plugin.registered = info;
  log_.Info("plugin registered",
            {{"type", info.type}, {"name", info.name}, {"endpoint", info.endpoint}});
  return NotifyRegistered(socket, "");
}

}  // namespace skiff::kubelet::plugins
