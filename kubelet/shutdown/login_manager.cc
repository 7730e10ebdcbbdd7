#include "kubelet/shutdown/login_manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/seconds.h"
#include "base/whole_file.h"
#include "kubelet/systemd/system_bus.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

constexpr char kLoginName[] = "org.freedesktop.login1";
constexpr char kLoginPath[] = "/org/freedesktop/login1";
constexpr char kLoginInterface[] = "org.freedesktop.login1.Manager";

class Logind final : public LoginManager {
 public:
  Logind(const Clock& clock, LoginManagerPaths paths) : clock_(clock), paths_(std::move(paths)) {}
  Result<> Connect() override;
  Result<Duration> DelayMax() override;
  Result<> SetDelayMax(Duration delay) override;
  Result<> Lock() override;
  void Release() override { lock_ = Descriptor(); }
  Result<std::optional<bool>> Told() override;

 private:
  Result<SystemBus::Answer> Call(BusMessage call);
  Result<> Match(const std::string& rule);
  // Anybody may send a signal of the name that logind's has; only the bus itself has its own name.
  bool Hears(const BusMessage& signal);

  const Clock& clock_;
  const LoginManagerPaths paths_;
  std::string owner_;               // Of logind's name: who it is on the bus. "": nobody is.
  std::unique_ptr<SystemBus> bus_;  // nullptr: not connected.
  Descriptor lock_;
};

Result<SystemBus::Answer> Logind::Call(BusMessage call) {
  if (bus_ == nullptr) return Fail(Reason::kServiceUnavailable, "no system bus");
  return bus_->Call(std::move(call));
}

Result<> Logind::Match(const std::string& rule) {
  TRY(Call({.path = "/org/freedesktop/DBus",
            .interface = kBusName,
            .member = "AddMatch",
            .destination = kBusName,
            .values = {rule}}));
  return {};
}

Result<> Logind::Connect() {
  bus_.reset();
  owner_.clear();
  bus_ = TRY(SystemBus::Open(paths_.bus_socket, clock_,
                             [this](const BusMessage& signal) { return Hears(signal); }));
  TRY(
      Match(fmt::format("type='signal',sender='{0}',interface='{0}',member='NameOwnerChanged',"
                        "arg0='{1}'",
                        kBusName, kLoginName)));
  const auto answer = Call({.path = "/org/freedesktop/DBus",
                            .interface = kBusName,
                            .member = "GetNameOwner",
                            .destination = kBusName,
                            .values = {std::string(kLoginName)}});
  // Where the bus knows none nobody has the name yet, and it tells when somebody does.
  if (!answer && answer.error().reason != Reason::kInternalError) return Fail(answer.error());
  if (answer && !answer->message.values.empty()) {
    const auto* owner = std::get_if<std::string>(&answer->message.values.front());
    if (owner != nullptr) owner_ = *owner;
  }
  return Match(
      fmt::format("type='signal',sender='{}',interface='{}',"
                  "member='PrepareForShutdown',path='{}'",
                  kLoginName, kLoginInterface, kLoginPath));
}

Result<Duration> Logind::DelayMax() {
  const auto answer =
      TRY(Call({.path = kLoginPath,
                .interface = "org.freedesktop.DBus.Properties",
                .member = "Get",
                .destination = kLoginName,
                .values = {std::string(kLoginInterface), std::string("InhibitDelayMaxUSec")}}));
  const auto& values = answer.message.values;
  const auto* delay = values.empty() ? nullptr : std::get_if<uint64_t>(&values.front());
  if (delay == nullptr) {
    return Fail(Reason::kInternalError,
                "InhibitDelayMaxUSec from logind is not a uint64 as expected");
  }
  // No less than the longest time of groups, which would be waited for in vain.
  constexpr auto kLongest =
      std::chrono::floor<std::chrono::microseconds>(Seconds(std::numeric_limits<int64_t>::max()));
  const auto most = static_cast<uint64_t>(kLongest.count());
  return std::chrono::microseconds(static_cast<int64_t>(std::min(*delay, most)));
}

Result<> Logind::SetDelayMax(Duration delay) {
  TRY(MakeDirectories(paths_.configuration, 0755));
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(delay).count();
  TRY(WriteWholeFile(paths_.configuration + "/99-kubelet.conf",
                     fmt::format("# Of the kubelet's shutdownGracePeriod.\n[Login]\n"
                                 "InhibitDelayMaxSec={}\n",
                                 seconds),
                     0644));
  constexpr int32_t kHangup = 1;  // On which it reads its configuration again.
  TRY(Call({.path = "/org/freedesktop/systemd1",
            .interface = "org.freedesktop.systemd1.Manager",
            .member = "KillUnit",
            .destination = "org.freedesktop.systemd1",
            .values = {std::string("systemd-logind.service"), std::string("all"), kHangup}}));
  return {};
}

Result<> Logind::Lock() {
  auto answer = TRY(Call({.path = kLoginPath,
                          .interface = kLoginInterface,
                          .member = "Inhibit",
                          .destination = kLoginName,
                          .values = {std::string("shutdown"), std::string("kubelet"),
                                     std::string("Kubelet needs time to handle node shutdown"),
                                     std::string("delay")}}));
  if (answer.descriptors.empty()) {
    return Fail(Reason::kInternalError, "logind has given no lock");
  }
  lock_ = std::move(answer.descriptors.front());
  return {};
}

bool Logind::Hears(const BusMessage& signal) {
  if (signal.sender == kBusName && signal.member == "NameOwnerChanged") {
    const auto text = [&](size_t i) {
      return i < signal.values.size() ? std::get_if<std::string>(&signal.values[i]) : nullptr;
    };
    const std::string* name = text(0);
    const std::string* owner = text(2);  // After the one before.
    if (name != nullptr && *name == kLoginName && owner != nullptr) owner_ = *owner;
    return false;
  }
  return signal.member == "PrepareForShutdown" && signal.interface == kLoginInterface &&
         !owner_.empty() && signal.sender == owner_;
}

Result<std::optional<bool>> Logind::Told() {
  if (bus_ == nullptr) return Fail(Reason::kServiceUnavailable, "no system bus");
  for (;;) {
    const std::optional<BusMessage> signal = TRY(bus_->NextSignal());
    if (!signal) return std::optional<bool>();
    const auto* begins = signal->values.empty() ? nullptr : std::get_if<bool>(&signal->values[0]);
    if (begins != nullptr) return std::optional<bool>(*begins);
  }
}

}  // namespace

std::unique_ptr<LoginManager> MakeLoginManager(const Clock& clock, LoginManagerPaths paths) {
  return std::make_unique<Logind>(clock, std::move(paths));
}

}  // namespace skiff::kubelet
