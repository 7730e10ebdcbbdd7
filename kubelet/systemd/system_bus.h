// The system bus, as far as a kubelet wants it: what it calls, and the signals that it hears.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "kubelet/systemd/bus_message.h"
#include "kubelet/volumes/beneath.h"

struct msghdr;

namespace skiff::kubelet {

// Of the bus itself: its name on it, and of what its signals and methods are.
inline constexpr char kBusName[] = "org.freedesktop.DBus";
inline constexpr char kSystemBusSocket[] = "/var/run/dbus/system_bus_socket";

// A connection to the system bus. One thread: calls, one at a time, and the signals that came
// meanwhile.
class SystemBus {
 public:
  // Whether a signal is kept until somebody asks for it. Called in the order in which they come.
  using Hears = std::function<bool(const BusMessage& signal)>;
  // The clock outlives it.
  static Result<std::unique_ptr<SystemBus>> Open(const std::string& path, const Clock& clock,
                                                 Hears hears);
  // Of a socket where systemd itself answers, and no bus stands in between.
  static Result<std::unique_ptr<SystemBus>> OpenDirect(const std::string& path, const Clock& clock);
  struct Answer {
    BusMessage message;
    std::vector<Descriptor> descriptors;
  };
  // NotFound: systemd knows of no such unit. InternalError: who was called refuses. After anything
  // else the connection is of no use.
  Result<Answer> Call(BusMessage call);
  // nullopt: none has come, or not among as many messages as are looked at without a break.
  Result<std::optional<BusMessage>> NextSignal();

 private:
  static Result<std::unique_ptr<SystemBus>> Connect(const std::string& path, const Clock& clock,
                                                    Hears hears);
  SystemBus(Descriptor socket, const Clock& clock, Hears hears)
      : socket_(std::move(socket)), clock_(clock), hears_(std::move(hears)) {}
  Result<> Authenticate();
  Result<std::string> AuthLine();
  Result<> Send(std::string_view bytes);
  // False: nothing was there, and it did not wait.
  Result<bool> Receive(bool waits);
  void TakeDescriptors(msghdr& header);
  Result<std::optional<Answer>> TakeMessage();
  void Keep(BusMessage signal);

  const Descriptor socket_;
  const Clock& clock_;
  const Hears hears_;
  std::string received_;
  std::deque<Descriptor> descriptors_;
  std::deque<BusMessage> signals_;
  uint32_t serial_ = 0;
};

}  // namespace skiff::kubelet
