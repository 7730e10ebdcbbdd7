#include "kubelet/systemd/slices.h"

#include <optional>
#include <utility>

#include "base/mutex.h"

namespace skiff::kubelet {
namespace {

// One that does not answer is left alone for so long: pods that end meanwhile wait for nothing.
constexpr Duration kSlicesPause = 30s;

class SystemdSlices final : public Slices {
 public:
  SystemdSlices(const Clock& clock, SlicesPaths paths) : clock_(clock), paths_(std::move(paths)) {}

  // Over a connection of its own each time: it is wanted once in a pod's life, and none is found to
  // have broken off when it is.
  Result<> Stop(const std::string& name) override {
    const MutexLock lock(mutex_);
    if (failed_ && clock_.Monotonic() < retry_at_) return Fail(*failed_);
    const auto bus = Connect();
    const auto stopped = bus ? StopOver(**bus, name) : Result<>(Fail(bus.error()));
    failed_.reset();
    if (stopped || stopped.error().reason == Reason::kInternalError) return stopped;
    failed_ = stopped.error();
    retry_at_ = clock_.Monotonic() + kSlicesPause;
    return stopped;
  }

 private:
  static Result<> StopOver(SystemBus& bus, const std::string& name) {
    const auto stopped = bus.Call({.path = "/org/freedesktop/systemd1",
                                   .interface = "org.freedesktop.systemd1.Manager",
                                   .member = "StopUnit",
                                   .destination = "org.freedesktop.systemd1",
                                   .values = {name, std::string("replace")}});
    if (!stopped && stopped.error().reason != Reason::kNotFound) return Fail(stopped.error());
    return {};
  }

  Result<std::unique_ptr<SystemBus>> Connect() {
    auto bus = SystemBus::Open(paths_.bus_socket, clock_, [](const BusMessage&) { return false; });
    if (bus) return bus;
    auto direct = SystemBus::OpenDirect(paths_.own_socket, clock_);
    return direct ? std::move(direct) : std::move(bus);
  }

  const Clock& clock_;
  const SlicesPaths paths_;
  Mutex mutex_;
  std::optional<Error> failed_ GUARDED_BY(mutex_);  // When it was tried last.
  Duration retry_at_ GUARDED_BY(mutex_){};
};

}  // namespace

std::unique_ptr<Slices> MakeSlices(const Clock& clock, SlicesPaths paths) {
  return std::make_unique<SystemdSlices>(clock, std::move(paths));
}

}  // namespace skiff::kubelet
