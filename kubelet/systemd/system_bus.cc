#include "kubelet/systemd/system_bus.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace skiff::kubelet {
namespace {

constexpr timeval kReadPatience = {.tv_sec = 5, .tv_usec = 0};
// Of an answer as a whole: anybody on the machine may send us signals while it is waited for.
constexpr Duration kAnswerPatience = 5s;

tl::unexpected<Error> BusFailed(const std::string& what) {
  return Fail(Reason::kServiceUnavailable, what + ": " + std::strerror(errno));
}

// Of what an answer says that is an error.
tl::unexpected<Error> Refused(const BusMessage& answer) {
  const auto* text =
      answer.values.empty() ? nullptr : std::get_if<std::string>(&answer.values.front());
  const bool is_unknown = answer.error_name == "org.freedesktop.systemd1.NoSuchUnit";
  return Fail(is_unknown ? Reason::kNotFound : Reason::kInternalError,
              text == nullptr ? answer.error_name : *text);
}

}  // namespace

Result<std::unique_ptr<SystemBus>> SystemBus::Connect(const std::string& path, const Clock& clock,
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
  return bus;
}

Result<std::unique_ptr<SystemBus>> SystemBus::Open(const std::string& path, const Clock& clock,
                                                   Hears hears) {
  auto bus = TRY(Connect(path, clock, std::move(hears)));
  TRY(bus->Call({.path = "/org/freedesktop/DBus",
                 .interface = kBusName,
                 .member = "Hello",
                 .destination = kBusName}));
  return bus;
}

Result<std::unique_ptr<SystemBus>> SystemBus::OpenDirect(const std::string& path,
                                                         const Clock& clock) {
  return Connect(path, clock, [](const BusMessage&) { return false; });
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
    if (is_answer && message.type == BusMessageType::kError) return Refused(message);
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

}  // namespace skiff::kubelet
