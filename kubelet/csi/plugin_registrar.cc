#include "kubelet/csi/plugin_registrar.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "kubelet/csi_grpc.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet::csi {
namespace {

namespace fs = std::filesystem;

constexpr char kCsiPlugin[] = "CSIPlugin";
constexpr mode_t kPluginsMode = 0750;
constexpr int kConflictsMax = 5;

}  // namespace

PluginRegistrar::PluginRegistrar(Options options, Client& client, const Clock& clock,
                                 http::Loops* loops, FindNode find, Drivers& drivers)
    : options_(std::move(options)),
      directory_(options_.root + "/plugins_registry"),
      client_(client),
      clock_(clock),
      loops_(loops),
      find_(std::move(find)),
      drivers_(drivers) {}

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
    if (!it->second.driver.empty()) Unregister(it->second.driver);
    it = plugins_.erase(it);
  }
  plugins_.insert(found.begin(), found.end());
  Duration wait = kCheckEvery;
  for (auto& [socket, plugin] : plugins_) {
    if (!plugin.driver.empty() || plugin.refused) continue;
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
  for (const std::string& name : std::exchange(leaving_, {})) Unregister(name);
  return leaving_.empty() ? wait : std::min<Duration>(wait, kFirstRetry);
}

void PluginRegistrar::Watch() {
  for (const auto& path : {directory_, options_.root + "/plugins"}) {
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
  std::string error;
  if (info.type != kCsiPlugin) {
    error = fmt::format(
        "RegisterPlugin error -- no handler registered for plugin type: {} at socket {}", info.type,
        socket);
  } else if (drivers_.Has(info.name)) {
    error = fmt::format(
        "RegisterPlugin error -- plugin validation failed with err: validation failed for CSI "
        "Driver {} at endpoint {}. Another driver with the same name is already registered with a "
        "higher supported version: \"1.0.0\"",
        info.name, info.endpoint);
  } else if (auto refusal = RefusalOf(info.name, info.versions); !refusal.empty()) {
    error = "RegisterPlugin error -- plugin validation failed with err: " + refusal;
  }
  if (!error.empty()) {
    // Until it comes with another socket: asked again, it would say the same.
    plugin.refused = info.type != kCsiPlugin;
    log_.Info("plugin refused", {{"socket", socket}, {"error", error}});
    TRY(NotifyRegistered(socket, error));
    return plugin.refused ? Result<>() : Fail(Reason::kConflict, error);
  }
  if (const auto done = RegisterDriver(info.name, info.endpoint); !done) {
    drivers_.Remove(info.name);
    error = "RegisterPlugin error -- plugin registration failed with err: " + done.error().message;
    (void)NotifyRegistered(socket, error);  // What keeps it from that is what is told of.
    return Fail(done.error().reason, error);
  }
  plugin.driver = info.name;
  leaving_.erase(info.name);
  log_.Info("CSI driver registered", {{"driver", info.name}, {"endpoint", info.endpoint}});
  return NotifyRegistered(socket, "");
}

Result<> PluginRegistrar::RegisterDriver(const std::string& name, const std::string& endpoint) {
  const NodeInfo info = TRY(NodeClient(endpoint).GetInfo());
  if (info.node_id.empty()) {
    return Fail(Reason::kInvalid, "error updating CSI node info in the cluster: node id is empty");
  }
  const Driver driver{name, endpoint, info.node_id, info.topology, info.volumes_max};
  const auto node = TRY(find_());
  if (!node) return Fail(Reason::kNotFound, "the Node is not known yet");
  core_v1::Node changed = *node;
  TRY(PutDriver(changed, driver));
  TRY(client_.Patch(*node, [&](core_v1::Node& it) { it.metadata = changed.metadata; }));
  TRY(WriteCsiNode([&](storage_v1::CSINode& it) { return PutDriver(it, driver); }));
  drivers_.Put(driver);
  return {};
}

void PluginRegistrar::Unregister(const std::string& name) {
  if (drivers_.Has(name)) log_.Info("CSI driver gone", {{"driver", name}});
  drivers_.Remove(name);
  Result<> done = WriteCsiNode([&](storage_v1::CSINode& it) { return RemoveDriver(it, name); });
  const auto node = find_();
  if (done && node && *node) {
    const auto patched = client_.Patch(**node, [&](core_v1::Node& it) { RemoveDriver(it, name); });
    if (!patched) done = Fail(patched.error());
  }
  // An object that is gone holds nothing of the driver's.
  if (!done && done.error().reason != Reason::kNotFound) leaving_.insert(name);
}

template <typename Change>
Result<> PluginRegistrar::WriteCsiNode(Change change) {
  Result<> written;
  for (int i = 0; i < kConflictsMax; ++i) {
    storage_v1::CSINode object = *TRY(client_.Get<storage_v1::CSINode>({"", options_.node_name}));
    if (!change(object)) return {};
    const auto updated = client_.Update(object);
    if (updated) return {};
    written = Fail(updated.error());
    if (updated.error().reason != Reason::kConflict) break;
  }
  return written;
}

}  // namespace skiff::kubelet::csi
