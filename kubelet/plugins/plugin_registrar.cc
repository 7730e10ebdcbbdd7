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
                                 Handlers handlers, Executor* executor)
    : root_(std::move(root)),
      directory_(root_ + "/plugins_registry"),
      clock_(clock),
      loops_(loops),
      handlers_(std::move(handlers)) {
  if (executor != nullptr) tasks_.emplace(*executor);
}

Duration PluginRegistrar::Step() {
  Watch();
  TakeOutcomes();
  Look();
  const Duration wait = std::min<Duration>(kCheckEvery, AskDue());
  return Settle() ? wait : std::min<Duration>(wait, kFirstRetry);
}

bool PluginRegistrar::Settle() {
  const auto is_settled = [this] {
    return std::ranges::all_of(handlers_, [](const auto& it) { return it.second->IsSettled(); });
  };
  if (is_settled()) return true;
  if (is_settling_.exchange(true)) return false;
  auto settle = [this] {
    for (const auto& [type, handler] : handlers_) handler->Settle();
    is_settling_ = false;
  };
  if (tasks_) {
    tasks_->Run(std::move(settle));
  } else {
    settle();
  }
  return is_settled();
}

void PluginRegistrar::Look() {
  const auto found = Find();
  for (auto it = plugins_.begin(); it != plugins_.end();) {
    const auto same = found.find(it->first);
    const bool stays = same != found.end() && same->second.inode == it->second.inode &&
                       same->second.made_at == it->second.made_at;
    if (stays || it->second.is_asked) {
      ++it;
      continue;
    }
    if (it->second.registered) Unregister(*it->second.registered);
    it = plugins_.erase(it);
  }
  plugins_.insert(found.begin(), found.end());
}

Duration PluginRegistrar::AskDue() {
  auto asked = static_cast<size_t>(std::count_if(
      plugins_.begin(), plugins_.end(), [](const auto& entry) { return entry.second.is_asked; }));
  for (auto& [socket, plugin] : plugins_) {
    const bool is_due = plugin.due <= clock_.Monotonic();
    if (plugin.registered || plugin.refused || plugin.is_asked || !is_due) continue;
    if (asked >= kAtOnceMax) break;
    ++asked;
    plugin.is_asked = true;
    auto ask = [this, socket = socket] {
      Outcome outcome = Register(socket);
      {
        MutexLock lock(mutex_);
        outcomes_.push_back(std::move(outcome));
      }
      Wake();
    };
    if (tasks_) {
      tasks_->Run(std::move(ask));
    } else {
      ask();
    }
  }
  TakeOutcomes();
  Duration wait = kNever;
  for (const auto& [socket, plugin] : plugins_) {
    if (plugin.registered || plugin.refused || plugin.is_asked) continue;
    // One that found no room is asked when another is done.
    if (const Duration left = plugin.due - clock_.Monotonic(); left > 0ns) {
      wait = std::min(wait, left);
    }
  }
  return wait;
}

void PluginRegistrar::TakeOutcomes() {
  std::vector<Outcome> outcomes;
  {
    MutexLock lock(mutex_);
    outcomes.swap(outcomes_);
  }
  for (Outcome& outcome : outcomes) {
    Plugin& plugin = plugins_.at(outcome.socket);
    plugin.is_asked = false;
    plugin.registered = std::move(outcome.registered);
    plugin.refused = outcome.refused;
    if (outcome.done) continue;
    log_.Info("plugin not registered",
              {{"socket", outcome.socket}, {"error", outcome.done.error().message}});
    const Duration delay = std::min<Duration>(kLongestRetry, kFirstRetry * (1 << plugin.failures));
    plugin.failures = std::min(plugin.failures + 1, 8);
    plugin.due = clock_.Monotonic() + delay;
  }
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

PluginRegistrar::Outcome PluginRegistrar::Register(const std::string& socket) const {
  Outcome outcome{.socket = socket};
  const auto asked = GetPluginInfo(socket);
  if (!asked) {
    outcome.done = Fail(asked.error());
    return outcome;
  }
  const PluginInfo& info = *asked;
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
    outcome.refused = handler == handlers_.end();
    log_.Info("plugin refused", {{"socket", socket}, {"error", error}});
    outcome.done = NotifyRegistered(socket, error);
    if (outcome.done && !outcome.refused) outcome.done = Fail(Reason::kConflict, error);
    return outcome;
  }
  if (const auto done = handler->second->Register(info); !done) {
    error = "RegisterPlugin error -- plugin registration failed with err: " + done.error().message;
    (void)NotifyRegistered(socket, error);  // What keeps it from that is what is told of.
    outcome.done = Fail(done.error().reason, error);
    return outcome;
  }
  outcome.registered = info;
  log_.Info("plugin registered",
            {{"type", info.type}, {"name", info.name}, {"endpoint", info.endpoint}});
  outcome.done = NotifyRegistered(socket, "");
  return outcome;
}

}  // namespace skiff::kubelet::plugins
