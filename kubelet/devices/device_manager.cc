#include "kubelet/devices/device_manager.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "api/rules/devices/resource_names.h"
#include "base/whole_file.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet::devices {
namespace {

namespace fs = std::filesystem;

constexpr char kCheckpoint[] = "/kubelet_internal_checkpoint";
constexpr char kSocket[] = "/kubelet.sock";
constexpr mode_t kDirectoryMode = 0750;
constexpr int kFileMode = 0600;
constexpr size_t kFileBytesMax = 64 << 20;

// Those of plugins that spoke to a kubelet that is no more: they listen anew when its socket is.
void RemoveSockets(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    struct stat info {};
    if (lstat(it->path().c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) {
      std::error_code ignored;  // Who cannot be removed is in nobody's way.
      fs::remove(it->path(), ignored);
    }
  }
}

bool IsSidecarContainer(const core_v1::Container& container) {
  return container.restart_policy.value_or("") == "Always";
}

void AddReusable(std::map<std::string, DeviceIds>& reusable, const ContainerAllocations& given,
                 bool stays) {
  for (const auto& [resource, allocation] : given) {
    DeviceIds& ids = reusable[resource];
    for (const auto& id : allocation.ids) {
      if (stays) {
        ids.erase(id);
      } else {
        ids.insert(id);
      }
    }
  }
}

// What two resources of a container both ask for is done once.
void Fill(const Grant& grant, cri::ContainerConfig& config) {
  for (const auto& [name, value] : grant.envs) {
    // The container's own come later, and win.
    config.envs.insert(config.envs.begin(), {name, value});
  }
  const auto has = [](const auto& list, const std::string& path) {
    return std::any_of(list.begin(), list.end(),
                       [&](const auto& each) { return each.container_path == path; });
  };
  for (const auto& device : grant.devices) {
    if (!has(config.devices, device.container_path)) config.devices.push_back(device);
  }
  for (const auto& mount : grant.mounts) {
    if (!has(config.mounts, mount.container_path)) config.mounts.push_back(mount);
  }
  config.annotations.insert(grant.annotations.begin(), grant.annotations.end());
  for (const auto& name : grant.cdi_devices) {
    auto& names = config.cdi_devices;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
}

}  // namespace

DeviceMetrics::DeviceMetrics(MetricRegistry& registry)
    : registrations(registry.AddCounter({"kubelet_device_plugin_registration_total",
                                         "[ALPHA] Device plugins that came, by their resource.",
                                         {"resource_name"}})),
      allocation_seconds(
          registry.AddHistogram({"kubelet_device_plugin_alloc_duration_seconds",
                                 "[ALPHA] How long device plugins took to give devices.",
                                 {"resource_name"}},
                                {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10})) {}

DeviceManager::DeviceManager(std::string directory, const Clock& clock, Sources sources,
                             DeviceMetrics* metrics)
    : directory_(std::move(directory)),
      clock_(clock),
      sources_(std::move(sources)),
      metrics_(metrics) {
  was_loaded_ = Load();
}

bool DeviceManager::Load() {
  const auto file = OpenRegularFile(directory_ + kCheckpoint);
  if (!file && file.error().reason == Reason::kNotFound) return false;
  const auto text =
      file ? ReadWhole(*file, kFileBytesMax) : Result<std::string>(Fail(file.error()));
  MutexLock lock(mutex_);
  const auto loaded = text ? book_.Load(*text, clock_.Monotonic()) : Result<>(Fail(text.error()));
  if (!loaded) {
    log_.Error("devices of containers not read", {{"error", loaded.error().message}});
  }
  return loaded.has_value();
}

DeviceManager::~DeviceManager() {
  server_.reset();
  std::map<std::string, Endpoint> endpoints;
  {
    MutexLock lock(mutex_);
    endpoints.swap(endpoints_);
  }
}

void DeviceManager::Listen() {
  if (const auto made = MakeDirectories(directory_, kDirectoryMode); !made) {
    log_.Error("no directory for device plugins", {{"error", made.error().message}});
    return;
  }
  RemoveSockets(directory_);
  server_ = RegistrationServer::Listen(
      directory_ + kSocket, [this](const auto& request) { return RegisterByService(request); });
  if (!server_) {
    log_.Error("no socket for device plugins", {{"directory", directory_}});
    return;
  }
  // That there is one says at the next start that plugins' resources are known.
  if (const auto saved = Save(); !saved) {
    log_.Info("devices not written", {{"error", saved.error().message}});
  }
}

Duration DeviceManager::Step() {
  if (!server_) Listen();
  DropEnded();
  Duration wait = std::min(server_ ? kNever : kListenRetry, AskSilentAgain());
  bool tells = false;
  {
    MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    if (const auto stopped = book_.FirstStop()) {
      const Duration left = *stopped + kStopGrace - now;
      has_changed_ = has_changed_ || left < 0ns;
      wait = std::min<Duration>(wait, left < 0ns ? kStopGrace : left + 1s);
    }
    tells = has_changed_ && (!told_at_ || now - *told_at_ >= kTellEvery);
    if (tells) {
      has_changed_ = false;
      told_at_ = now;
    } else if (has_changed_) {
      wait = std::min(wait, *told_at_ + kTellEvery - now);
    }
  }
  if (!tells) return wait;
  if (const auto saved = Save(); !saved) {
    log_.Info("devices not written", {{"error", saved.error().message}});
  }
  sources_.changed();
  return wait;
}

// A client ends on a thread of its own, where it cannot be dropped.
void DeviceManager::DropEnded() {
  std::vector<Endpoint> ended;
  {
    MutexLock lock(mutex_);
    for (auto it = endpoints_.begin(); it != endpoints_.end();) {
      if (!*it->second.ended) {
        ++it;
        continue;
      }
      log_.Info("device plugin gone", {{"resource", it->first}});
      book_.Stop(it->first, clock_.Monotonic());
      has_changed_ = true;
      ended.push_back(std::move(it->second));
      it = endpoints_.erase(it);
    }
  }
}

Duration DeviceManager::AskSilentAgain() {
  std::map<std::string, std::string> due;  // Sockets by resource.
  Duration wait = kNever;
  {
    MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    std::erase_if(silent_, [&](const auto& each) { return book_.Find(each.first) == nullptr; });
    for (auto& [resource, plugin] : silent_) {
      if (plugin.next_try <= now) {
        due[resource] = plugin.socket;
        plugin.next_try = now + kSilentRetry;
      }
      wait = std::min(wait, plugin.next_try - now);
    }
  }
  for (const auto& [resource, socket] : due) {
    if (const auto connected = Connect(resource, socket); !connected) {
      log_.Info("device plugin is still silent",
                {{"resource", resource}, {"error", connected.error().message}});
    }
  }
  return wait;
}

std::string DeviceManager::RefusalOf(const plugins::PluginInfo& info) const {
  if (std::find(info.versions.begin(), info.versions.end(), kVersion) == info.versions.end()) {
    return fmt::format("manager version, {}, is not among plugin supported versions [{}]", kVersion,
                       fmt::join(info.versions, " "));
  }
  if (IsExtendedResource(info.name)) return "";
  return fmt::format("invalid name of device plugin socket: the ResourceName \"{}\" is invalid",
                     info.name);
}

Result<> DeviceManager::Register(const plugins::PluginInfo& info) {
  return Connect(info.name, info.endpoint);
}

void DeviceManager::Unregister(const plugins::PluginInfo& info) {
  Endpoint gone;
  {
    MutexLock lock(mutex_);
    const auto silent = silent_.find(info.name);
    if (silent != silent_.end() && silent->second.socket == info.endpoint) silent_.erase(silent);
    const auto found = endpoints_.find(info.name);
    if (found == endpoints_.end() || found->second.socket != info.endpoint) return;
    gone = std::move(found->second);
    endpoints_.erase(found);
    book_.Stop(info.name, clock_.Monotonic());
    has_changed_ = true;
  }
  Wake();
}

Result<> DeviceManager::RegisterByService(const RegisterRequest& request) {
  if (request.version != kVersion) {
    return Fail(Reason::kInvalid,
                fmt::format("requested API version \"{}\" is not supported by kubelet. Supported "
                            "version is [\"{}\"]",
                            request.version, kVersion));
  }
  if (!IsExtendedResource(request.resource)) {
    return Fail(Reason::kInvalid,
                fmt::format("the ResourceName \"{}\" is invalid", request.resource));
  }
  return Connect(request.resource, directory_ + "/" + request.endpoint);
}

Result<> DeviceManager::CheckRoom(const std::string& resource) const {
  if (book_.Find(resource) != nullptr || book_.resources() < kResourcesMax) return {};
  return Fail(Reason::kTooManyRequests, "there are too many device plugins");
}

bool DeviceManager::IsCounted(const std::string& resource) {
  if (metrics_ == nullptr) return false;
  MutexLock lock(mutex_);
  if (counted_.size() < kResourcesMax) counted_.insert(resource);
  return counted_.contains(resource);
}

Result<> DeviceManager::Connect(const std::string& resource, const std::string& socket) {
  {
    MutexLock lock(mutex_);
    TRY(CheckRoom(resource));
  }
  Endpoint fresh {
    socket, TRY(PluginClient::Connect(socket))
    , std::make_shared<std::atomic<bool>>(false)
  };
  Endpoint before;
  {
    MutexLock lock(mutex_);
    // Others have come meanwhile.
    TRY(CheckRoom(resource));
    before = std::exchange(endpoints_[resource], fresh);
    silent_.erase(resource);
    book_.Connect(resource);
    has_changed_ = true;
    if (fresh.client->options().pre_start) {
      pre_started_.insert(resource);
    } else {
      pre_started_.erase(resource);
    }
  }
  if (IsCounted(resource)) metrics_->registrations.Add({resource});
  log_.Info("device plugin registered", {{"resource", resource}, {"endpoint", socket}});
  fresh.client->Watch({[this, resource, ended = fresh.ended](DeviceMap devices) {
                         Take(resource, *ended, std::move(devices));
                       },
                       [this, ended = fresh.ended] {
                         *ended = true;
                         Wake();
                       }});
  Wake();
  return {};
}

void DeviceManager::Take(const std::string& resource, const std::atomic<bool>& ended,
                         DeviceMap devices) {
  {
    MutexLock lock(mutex_);
    // A plugin that was replaced or has gone may be asked something still, and its stream lives on.
    const auto endpoint = endpoints_.find(resource);
    if (endpoint == endpoints_.end() || endpoint->second.ended.get() != &ended || ended) return;
    if (!book_.Set(resource, std::move(devices))) return;
    has_changed_ = true;
  }
  Wake();
}

void DeviceManager::GiveUpIfSilent(const std::string& resource, const PluginClient* client,
                                   const Error& error) {
  if (error.reason != Reason::kServerTimeout) return;
  {
    MutexLock lock(mutex_);
    const auto found = endpoints_.find(resource);
    if (found == endpoints_.end() || found->second.client.get() != client) return;
    *found->second.ended = true;
    silent_[resource] = {found->second.socket, clock_.Monotonic() + kSilentRetry};
  }
  log_.Info("device plugin does not answer", {{"resource", resource}, {"error", error.message}});
  Wake();
}

std::map<std::string, DeviceBook::Amounts> DeviceManager::Amounts() {
  MutexLock lock(mutex_);
  auto amounts = book_.TakeAmounts(clock_.Monotonic() - kStopGrace);
  // Told again and again: whoever writes it may fail.
  for (const auto& name : gone_) amounts.try_emplace(name);
  for (const auto& [name, amount] : amounts) {
    if (book_.Find(name) != nullptr) {
      gone_.erase(name);
    } else if (gone_.size() < kResourcesMax) {
      gone_.insert(name);
    }
  }
  std::erase_if(pre_started_, [&](const auto& name) { return !book_.Knows(name); });
  return amounts;
}

std::map<std::string, int64_t> DeviceManager::InUse() const {
  MutexLock lock(mutex_);
  return book_.InUse();
}

std::vector<ListedDevice> DeviceManager::DevicesOf(const std::string& pod,
                                                   const std::string& container) const {
  MutexLock lock(mutex_);
  return book_.DevicesOf(pod, container);
}

std::vector<ListedDevice> DeviceManager::Healthy() const {
  MutexLock lock(mutex_);
  return book_.Healthy();
}

std::shared_ptr<PluginClient> DeviceManager::ClientOf(const std::string& resource) const {
  MutexLock lock(mutex_);
  return FindClient(resource);
}

std::shared_ptr<PluginClient> DeviceManager::FindClient(const std::string& resource) const {
  const auto found = endpoints_.find(resource);
  return found != endpoints_.end() && !*found->second.ended ? found->second.client : nullptr;
}

void DeviceManager::FreeUnused(const std::string& also_keep) {
  auto pods = sources_.pods();
  if (!pods) return;
  pods->insert(also_keep);
  MutexLock lock(mutex_);
  book_.Retain(*pods);
}

Result<> DeviceManager::Allocate(const core_v1::Pod& pod) {
  FreeUnused(pod.metadata.uid);
  Reusable reusable;
  const auto note = [&](const core_v1::Container& container, bool stays) {
    MutexLock lock(mutex_);
    const PodAllocations* given = book_.FindPod(pod.metadata.uid);
    if (given == nullptr) return;
    const auto found = given->find(container.name);
    if (found != given->end()) AddReusable(reusable, found->second, stays);
  };
  for (const auto& container : pod.spec.init_containers) {
    TRY(AllocateFor(pod, container, reusable));
    note(container, IsSidecarContainer(container));
  }
  for (const auto& container : pod.spec.containers) {
    TRY(AllocateFor(pod, container, reusable));
    note(container, true);
  }
  return {};
}

Result<> DeviceManager::AllocateFor(const core_v1::Pod& pod, const core_v1::Container& container,
                                    const Reusable& reusable) {
  for (const auto& [resource, quantity] : container.resources.limits) {
    if (!IsExtendedResource(resource)) continue;
    {
      MutexLock lock(mutex_);
      if (!book_.Knows(resource)) continue;
    }
    const auto found = reusable.find(resource);
    TRY(AllocateResource(pod, container, resource,
                         static_cast<size_t>(std::max<int64_t>(0, quantity.Value())),
                         found != reusable.end() ? found->second : DeviceIds()));
  }
  return {};
}

// Whoever chooses reserves before anybody else does: at once, or, where the plugin has to be asked,
// others wait, no longer than it may take to answer. They would see too few devices or the same.
Result<DeviceIds> DeviceManager::Pick(const core_v1::Pod& pod, const core_v1::Container& container,
                                      const std::string& resource, size_t count,
                                      const DeviceIds& reusable) {
  // Outlives the lock: the end of a client waits for a thread that may want it.
  std::shared_ptr<PluginClient> client;
  MutexLock lock(mutex_);
  const auto end = std::chrono::steady_clock::now() + PluginClient::kCallTimeout;
  while (asked_.contains(resource)) {
    if (answered_.wait_until(lock, end) == std::cv_status::timeout) break;
  }
  if (asked_.contains(resource)) {
    return Fail(Reason::kServiceUnavailable, resource + " is being allocated for others");
  }
  const auto choice =
      TRY(book_.Choose(pod.metadata.uid, container.name, resource, count, reusable));
  DeviceIds preferred;
  client = FindClient(resource);
  if (choice.missing > 0 && client != nullptr && client->options().preferred_allocation) {
    DeviceIds available = choice.available;
    available.insert(choice.taken.begin(), choice.taken.end());
    asked_.insert(resource);
    lock.unlock();
    auto answer = client->Preferred(available, choice.taken, count);
    if (!answer) GiveUpIfSilent(resource, client.get(), answer.error());
    lock.lock();
    asked_.erase(resource);
    answered_.notify_all();
    if (!answer) {
      return Fail(
          answer.error().reason,
          "device plugin GetPreferredAllocation rpc failed with err: " + answer.error().message);
    }
    preferred = std::move(*answer);
  }
  auto ids = Complete(choice, preferred);
  if (!ids.empty()) book_.Reserve(resource, ids);
  return ids;
}

Result<> DeviceManager::AllocateResource(const core_v1::Pod& pod,
                                         const core_v1::Container& container,
                                         const std::string& resource, size_t count,
                                         const DeviceIds& reusable) {
  const auto ids = TRY(Pick(pod, container, resource, count, reusable));
  if (ids.empty()) return {};
  const auto client = ClientOf(resource);
  const Duration begun = clock_.Monotonic();
  auto answer = client != nullptr
                    ? client->Allocate(ids)
                    : Result<std::string>(Fail(Reason::kServiceUnavailable,
                                               "endpoint " + resource + " has been stopped"));
  if (client != nullptr && IsCounted(resource)) {
    metrics_->allocation_seconds.Observe(
        {resource}, std::chrono::duration<double>(clock_.Monotonic() - begun).count());
  }
  if (!answer) GiveUpIfSilent(resource, client.get(), answer.error());
  {
    MutexLock lock(mutex_);
    book_.Release(resource, ids);
    if (!answer) return Fail(answer.error());
    book_.Give(pod.metadata.uid, container.name, resource, ids, std::move(*answer));
  }
  return Save();
}

Result<> DeviceManager::PreStart(const core_v1::Pod& pod, const core_v1::Container& container,
                                 const std::string& resource) const {
  constexpr char kFailed[] = "device plugin PreStartContainer rpc failed with err: ";
  const auto client = ClientOf(resource);
  DeviceIds ids;
  {
    MutexLock lock(mutex_);
    // After a restart of the kubelet it is not known before the plugin is back.
    if (!pre_started_.contains(resource)) return {};
    const auto* given = book_.Find(pod.metadata.uid, container.name, resource);
    if (given == nullptr) {
      return Fail(Reason::kInternalError,
                  fmt::format("no devices found allocated in local cache for pod {}, container {}, "
                              "resource {}",
                              pod.metadata.uid, container.name, resource));
    }
    ids = given->ids;
  }
  // A container must not have devices as the one before has left them.
  if (client == nullptr) {
    return Fail(Reason::kServiceUnavailable,
                fmt::format("{}endpoint {} has been stopped", kFailed, resource));
  }
  const auto done = client->PreStart(ids);
  if (done) return {};
  return Fail(done.error().reason, kFailed + done.error().message);
}

Result<> DeviceManager::Give(const core_v1::Pod& pod, const core_v1::Container& container,
                             cri::ContainerConfig& config) {
  for (const auto& [resource, quantity] : container.resources.limits) {
    if (!IsExtendedResource(resource) || quantity.Value() <= 0) continue;
    bool is_given = false;
    {
      MutexLock lock(mutex_);
      if (!book_.Knows(resource)) continue;
      is_given = book_.Find(pod.metadata.uid, container.name, resource) != nullptr;
    }
    // It came when its plugin was not known yet.
    if (!is_given) TRY(AllocateFor(pod, container, {}));
    TRY(PreStart(pod, container, resource));
    std::string response;
    {
      MutexLock lock(mutex_);
      const auto* given = book_.Find(pod.metadata.uid, container.name, resource);
      if (given != nullptr) response = given->response;
    }
    Fill(TRY(ParseGrant(response)), config);
  }
  return {};
}

Result<> DeviceManager::Save() const {
  // One at a time, or an older text would replace a newer one.
  MutexLock saving(saving_);
  std::string text;
  {
    MutexLock lock(mutex_);
    text = book_.Checkpoint();
  }
  // What could not be read again would be forgotten, and given to others.
  const auto written = text.size() <= kFileBytesMax
                           ? WriteWholeFile(directory_ + kCheckpoint, text, kFileMode)
                           : Result<>(Fail(Reason::kRequestEntityTooLarge, "it is too large"));
  if (written) return {};
  return Fail(written.error().reason, fmt::format("failed to write checkpoint file \"{}\": {}",
                                                  kCheckpoint + 1, written.error().message));
}

}  // namespace skiff::kubelet::devices
