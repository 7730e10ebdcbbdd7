#include "kubelet/dra/drivers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/gen/resource_v1.h"
#include "api/rules/names.h"
#include "base/text.h"

namespace skiff::kubelet::dra {
namespace {

constexpr const char* kServices[] = {"v1.DRAPlugin", "v1beta1.DRAPlugin"};

// Of what a plugin serves, in its order; "": nothing that this kubelet knows.
std::string ServiceOf(const std::vector<std::string>& offered) {
  for (const auto& service : offered) {
    if (std::find(std::begin(kServices), std::end(kServices), service) != std::end(kServices)) {
      return service;
    }
  }
  return "";
}

// As Go prints a list of strings by %q.
template <typename List>
std::string Quoted(const List& list) {
  std::vector<std::string> quoted;
  for (const auto& each : list) quoted.push_back(fmt::format("\"{}\"", each));
  return fmt::format("[{}]", fmt::join(quoted, " "));
}

}  // namespace

Drivers::Drivers(std::string node_name, Client& client, const Clock& clock, FindNode find,
                 DraMetrics* metrics)
    : node_name_(std::move(node_name)),
      client_(client),
      clock_(clock),
      find_(std::move(find)),
      metrics_(metrics) {
  wipes_[""] = {clock_.Monotonic(), 0};
}

std::string Drivers::RefusalOf(const plugins::PluginInfo& info) const {
  // Slices are chosen by it. As of CSI drivers, whose names may have capitals.
  if (const auto errors = NameIsDnsSubdomain(Lower(info.name), false); !errors.empty()) {
    return fmt::format("invalid DRA driver name \"{}\": {}", info.name, errors.front());
  }
  std::string why;
  if (info.versions.empty()) {
    why = "empty list of supported gRPC services (aka supported versions)";
  } else if (ServiceOf(info.versions).empty()) {
    why = fmt::format(
        "none of services supported by the plugin ({}) are supported by the kubelet ({})",
        Quoted(info.versions), Quoted(kServices));
  }
  if (why.empty()) return "";
  return fmt::format("invalid supported gRPC versions of DRA driver plugin {} at endpoint {}: {}",
                     info.name, info.endpoint, why);
}

Result<> Drivers::Register(const plugins::PluginInfo& info) {
  {
    MutexLock lock(mutex_);
    size_t count = 0;
    for (const auto& [driver, plugins] : plugins_) count += plugins.size();
    if (count >= kPluginsMax) {
      return Fail(Reason::kTooManyRequests, "there are too many DRA driver plugins");
    }
    auto& plugins = plugins_[info.name];
    for (const auto& other : plugins) {
      if (other->endpoint() != info.endpoint) continue;
      return Fail(Reason::kAlreadyExists,
                  fmt::format("endpoint {} already registered for DRA driver plugin {}",
                              info.endpoint, info.name));
    }
    plugins.push_back(std::make_shared<DriverClient>(info.name, info.endpoint,
                                                     ServiceOf(info.versions), metrics_));
  }
  Wake();
  return {};
}

void Drivers::Unregister(const plugins::PluginInfo& info) {
  {
    MutexLock lock(mutex_);
    const auto found = plugins_.find(info.name);
    if (found == plugins_.end()) return;
    std::erase_if(found->second,
                  [&](const auto& each) { return each->endpoint() == info.endpoint; });
    if (found->second.empty()) plugins_.erase(found);
  }
  Wake();
}

Result<std::shared_ptr<const DriverClient>> Drivers::Find(const std::string& driver) const {
  if (driver.empty()) return Fail(Reason::kInvalid, "DRA driver name is empty");
  MutexLock lock(mutex_);
  const auto found = plugins_.find(driver);
  if (found == plugins_.end()) {
    return Fail(Reason::kNotFound, fmt::format("DRA driver {} is not registered", driver));
  }
  const auto& plugins = found->second;
  const auto newest = std::find_if(plugins.rbegin(), plugins.rend(),
                                   [](const auto& each) { return each->IsConnected(); });
  return newest != plugins.rend() ? *newest : plugins.back();
}

bool Drivers::Look() {
  std::map<std::string, bool> registered;  // And whether somebody answers.
  {
    MutexLock lock(mutex_);
    for (const auto& [driver, plugins] : plugins_) {
      registered[driver] = std::any_of(plugins.begin(), plugins.end(),
                                       [](const auto& each) { return each->IsConnected(); });
    }
  }
  std::erase_if(wiped_, [&](const auto& driver) { return !registered.contains(driver); });
  for (const auto& [driver, is_usable] : registered) {
    if (is_usable) wiped_.erase(driver);
    if (!wiped_.contains(driver)) known_.insert(driver);
  }
  for (const auto& driver : known_) {
    const auto found = registered.find(driver);
    if (found != registered.end() && found->second) {
      wipes_.erase(driver);
    } else {
      wipes_.try_emplace(driver, Wipe{clock_.Monotonic() + kWipeDelay, 0});
    }
  }
  return !registered.empty();
}

Duration Drivers::Step() {
  Duration wait = Look() ? kConnectionCheck : kNever;
  const Duration now = clock_.Monotonic();
  for (auto it = wipes_.begin(); it != wipes_.end();) {
    auto& [driver, wipe] = *it;
    if (wipe.due <= now) {
      const auto done = DeleteSlices(driver);
      if (done) {
        known_.erase(driver);
        wiped_.insert(driver);
        it = wipes_.erase(it);
        continue;
      }
      log_.Info("resource slices not deleted",
                {{"driver", driver}, {"error", done.error().message}});
      wipe.due = now + std::min<Duration>(kLongestRetry, kFirstRetry * (1 << wipe.failures));
      wipe.failures = std::min(wipe.failures + 1, 9);
    }
    wait = std::min(wait, wipe.due - now);
    ++it;
  }
  return wait;
}

Result<> Drivers::DeleteSlices(const std::string& driver) {
  const auto node = TRY(find_());
  if (!node) return Fail(Reason::kNotFound, "the Node is not known yet");
  std::string selector = "spec.nodeName=" + node_name_;
  if (!driver.empty()) selector = fmt::format("spec.driver={},{}", driver, selector);
  const auto done =
      client_.DeleteCollection(resource_v1::ResourceSlice::Info(), {.field_selector = selector});
  if (!done && done.error().reason != Reason::kNotFound) return Fail(done.error());
  return {};
}

}  // namespace skiff::kubelet::dra
