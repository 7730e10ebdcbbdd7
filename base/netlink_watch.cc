#include "base/netlink_watch.h"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

namespace skiff {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

class SocketWatch final : public NetlinkWatch {
 public:
  SocketWatch(Options options, Descriptor socket, Descriptor stop)
      : options_(std::move(options)), socket_(std::move(socket)), stop_(std::move(stop)) {
    thread_ = std::jthread([this] { Run(); });
  }
  ~SocketWatch() override {
    const uint64_t one = 1;
    (void)!write(stop_.get(), &one, sizeof one);
  }

 private:
  void Run() const {
    std::array<pollfd, 2> files = {{{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    while (true) {
      if (poll(files.data(), files.size(), -1) < 0 && errno != EINTR) return;
      if (files[1].revents != 0) return;
      if (files[0].revents != 0 && Drain()) options_.changed();
    }
  }

  // Reads what is there; true when something in it matters, or when the kernel dropped some.
  bool Drain() const {
    bool matters = false;
    alignas(nlmsghdr) std::array<char, 65536> buffer;
    while (true) {
      const ssize_t n = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n < 0 && errno == ENOBUFS) {
        matters = true;
        continue;
      }
      if (n <= 0) return matters;
      auto left = static_cast<unsigned>(n);
      for (auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
           NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
        matters |= options_.matters(*message);
      }
    }
  }

  const Options options_;
  const Descriptor socket_;
  const Descriptor stop_;
  std::jthread thread_;  // Last, so that it ends first.
};

}  // namespace

Result<std::unique_ptr<NetlinkWatch>> NetlinkWatch::Start(Options options) {
  const auto refuse = [](const std::string& what) {
    return Fail(Reason::kForbidden, what + ": " + std::strerror(errno));
  };
  Descriptor socket(
      ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, options.protocol));
  if (socket.get() < 0) return refuse("netlink");
  // The kernel spares a socket without an address of its own what it tells to all.
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return refuse("netlink");
  }
  for (const int group : options.groups) {
    if (setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
      return refuse("netlink group " + std::to_string(group));
    }
  }
  Descriptor stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (stop.get() < 0) return refuse("eventfd");
  return std::make_unique<SocketWatch>(std::move(options), std::move(socket), std::move(stop));
}

std::string_view NetlinkText(const nlmsghdr& message, size_t header_bytes, uint16_t type) {
  const char* begin = reinterpret_cast<const char*>(&message);
  const char* at = begin + NLMSG_HDRLEN + NLMSG_ALIGN(header_bytes);
  const char* end = begin + message.nlmsg_len;
  while (end - at >= NLA_HDRLEN) {
    nlattr attribute;
    std::memcpy(&attribute, at, sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > end - at) return "";
    if ((attribute.nla_type & NLA_TYPE_MASK) == type) {
      const std::string_view value(at + NLA_HDRLEN, attribute.nla_len - NLA_HDRLEN);
      return value.substr(0, value.find('\0'));
    }
    at += std::min<ptrdiff_t>(NLA_ALIGN(attribute.nla_len), end - at);
  }
  return "";
}

}  // namespace skiff
