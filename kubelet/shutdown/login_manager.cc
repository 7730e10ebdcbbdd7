#include "kubelet/shutdown/login_manager.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <limits>
#include <utility>

#include "base/seconds.h"
#include "base/whole_file.h"
#include "kubelet/shutdown/bus_message.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

constexpr char kBusName[] = "org.freedesktop.DBus";
constexpr char kLoginName[] = "org.freedesktop.login1";
constexpr char kLoginPath[] = "/org/freedesktop/login1";
constexpr char kLoginInterface[] = "org.freedesktop.login1.Manager";
constexpr timeval kReadPatience = {.tv_sec = 5, .tv_usec = 0};
// Of an answer as a whole: anybody on the machine may send us signals while it is waited for.
constexpr Duration kAnswerPatience = 5s;

// A connection to the system bus: calls, one at a time, and the signals that came meanwhile.
class SystemBus {
 public:
  // Whether a signal is kept until somebody asks for it. Called in the order in which they come.
  using Hears = std::function<bool(const BusMessage& signal)>;
  static Result<std::unique_ptr<SystemBus>> Open(const std::string& path, const Clock& clock,
                                                 Hears hears);
  struct Answer {
    BusMessage message;
    std::vector<Descriptor> descriptors;
  };
  Result<Answer> Call(BusMessage call);
  // nullopt: none has come, or not among as many messages as are looked at without a break.
  Result<std::optional<BusMessage>> NextSignal();

 private:
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

tl::unexpected<Error> BusFailed(const std::string& what) {
  return Fail(Reason::kServiceUnavailable, what + ": " + std::strerror(errno));
}

Result<std::unique_ptr<SystemBus>> SystemBus::Open(const std::string& path, const Clock& clock,
                                                   Hears hears) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.size() >= sizeof address.sun_path) {
    return Fail(Reason::kInvalid, "the path of the system bus is too long");
  }
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return BusFailed("socket");
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  if (connect(socket.number(), raw, sizeof address) != 0) {
    return BusFailed("dial unix " + path + ": connect");
  }
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    setsockopt(socket.number(), SOL_SOCKET, option, &kReadPatience, sizeof kReadPatience);
  }
  std::unique_ptr<SystemBus> bus(new SystemBus(std::move(socket), clock, std::move(hears)));
  TRY(bus->Authenticate());
  TRY(bus->Call({.path = "/org/freedesktop/DBus",
                 .interface = kBusName,
                 .member = "Hello",
                 .destination = kBusName}));
  return bus;
}

// We are who the kernel says we are.
Result<> SystemBus::Authenticate() {
  std::string uid;
  for (const char digit : std::to_string(geteuid())) {
    uid += fmt::format("{:02x}", static_cast<unsigned>(digit));
  }
  TRY(Send(std::string("\0AUTH EXTERNAL ", 15) + uid + "\r\n"));
  const std::string answer = TRY(AuthLine());
  if (!answer.starts_with("OK ")) {
    return Fail(Reason::kForbidden, "the system bus does not let us in: " + answer);
  }
  TRY(Send("NEGOTIATE_UNIX_FD\r\n"));
  const std::string agreed = TRY(AuthLine());
  if (agreed != "AGREE_UNIX_FD") {
    return Fail(Reason::kForbidden, "the system bus hands no descriptors over");
  }
  return Send("BEGIN\r\n");
}

Result<std::string> SystemBus::AuthLine() {
  constexpr size_t kLineBytesMax = 1024;
  for (;;) {
    const size_t end = received_.find("\r\n");
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 2);
      return line;
    }
    if (received_.size() > kLineBytesMax) {
      return Fail(Reason::kInternalError, "the system bus says too much");
    }
    TRY(Receive(true));
  }
}

Result<> SystemBus::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return BusFailed("write to the system bus");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

Result<bool> SystemBus::Receive(bool waits) {
  std::array<char, 4096> bytes;
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(16 * sizeof(int))> control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = -1;
  do {
    got = recvmsg(socket_.number(), &header, MSG_CMSG_CLOEXEC | (waits ? 0 : MSG_DONTWAIT));
  } while (got < 0 && errno == EINTR);
  if (got < 0 && !waits && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  if (got < 0) return BusFailed("read from the system bus");
  if (got == 0) return Fail(Reason::kServiceUnavailable, "the system bus has hung up");
  TakeDescriptors(header);
  received_.append(bytes.data(), static_cast<size_t>(got));
  return true;
}

void SystemBus::TakeDescriptors(msghdr& header) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(each) + i * sizeof(int), sizeof number);
      descriptors_.emplace_back(number);
    }
  }
}

Result<std::optional<SystemBus::Answer>> SystemBus::TakeMessage() {
  if (received_.size() < kBusHeadBytes) return std::optional<Answer>();
  const size_t length = TRY(BusMessageLength(received_));
  if (received_.size() < length) return std::optional<Answer>();
  Answer answer;
  answer.message = TRY(DecodeBusMessage(std::string_view(received_).substr(0, length)));
  received_.erase(0, length);
  for (uint32_t i = 0; i < answer.message.descriptors && !descriptors_.empty(); ++i) {
    answer.descriptors.push_back(std::move(descriptors_.front()));
    descriptors_.pop_front();
  }
  return std::optional<Answer>(std::move(answer));
}

void SystemBus::Keep(BusMessage signal) {
  constexpr size_t kSignalsMax = 1000;  // Who sends more before anybody asks is not heard.
  if (hears_(signal) && signals_.size() < kSignalsMax) signals_.push_back(std::move(signal));
}

Result<SystemBus::Answer> SystemBus::Call(BusMessage call) {
  call.serial = ++serial_;
  const Duration until = clock_.Monotonic() + kAnswerPatience;
  TRY(Send(EncodeBusMessage(call)));
  for (;;) {
    std::optional<Answer> answer = TRY(TakeMessage());
    if (!answer) {
      TRY(Receive(true));
      continue;
    }
    BusMessage& message = answer->message;
    const bool is_answer = message.reply_serial == call.serial;
    if (is_answer && message.type == BusMessageType::kReply) return std::move(*answer);
    if (is_answer && message.type == BusMessageType::kError) {
      const auto* text =
          message.values.empty() ? nullptr : std::get_if<std::string>(&message.values.front());
      return Fail(Reason::kInternalError, text == nullptr ? message.error_name : *text);
    }
    if (message.type == BusMessageType::kSignal) Keep(std::move(message));
    if (clock_.Monotonic() >= until) {
      return Fail(Reason::kTimeout, "the system bus has not answered in time");
    }
  }
}

Result<std::optional<BusMessage>> SystemBus::NextSignal() {
  constexpr int kMessagesAtOnce = 10'000;  // Of who sends more the rest is looked at later.
  for (int looked_at = 0; signals_.empty(); ++looked_at) {
    if (looked_at == kMessagesAtOnce) return std::optional<BusMessage>();
    std::optional<Answer> answer = TRY(TakeMessage());
    if (answer && answer->message.type == BusMessageType::kSignal) {
      Keep(std::move(answer->message));
    } else if (!answer && !TRY(Receive(false))) {
      return std::optional<BusMessage>();
    }
  }
  std::optional<BusMessage> signal = std::move(signals_.front());
  signals_.pop_front();
  return signal;
}

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
