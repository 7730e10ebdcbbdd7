#include "proxy/flush_watch.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
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
#include <string_view>
#include <thread>
#include <utility>

namespace skiff::proxy {
namespace {

// Chains whose rules are not ours alone, where only our jumps matter.
constexpr std::array<std::string_view, 5> kBuiltIn = {"INPUT", "FORWARD", "OUTPUT", "PREROUTING",
                                                      "POSTROUTING"};

class File {
 public:
  explicit File(int number) : number_(number) {}
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  ~File() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

// The text of the attribute `type` of a message of nftables; "" when it has none.
std::string_view TextAttribute(const nlmsghdr* message, uint16_t type) {
  const char* at = reinterpret_cast<const char*>(message) + NLMSG_HDRLEN + sizeof(nfgenmsg);
  const char* end = reinterpret_cast<const char*>(message) + message->nlmsg_len;
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

bool Matters(const nlmsghdr* message) {
  if (message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES) return false;
  switch (message->nlmsg_type & 0xff) {
    case NFT_MSG_DELTABLE:
      return true;
    case NFT_MSG_DELCHAIN: {
      const auto chain = TextAttribute(message, NFTA_CHAIN_NAME);
      return chain == "KUBE-PROXY-CANARY" || chain == "KUBE-SERVICES";
    }
    case NFT_MSG_DELRULE: {
      const auto chain = TextAttribute(message, NFTA_RULE_CHAIN);
      return std::find(kBuiltIn.begin(), kBuiltIn.end(), chain) != kBuiltIn.end();
    }
    default:
      return false;
  }
}

class NftWatch final : public FlushWatch {
 public:
  NftWatch(File socket, File stop, std::function<void()> deleted)
      : socket_(std::move(socket)), stop_(std::move(stop)), deleted_(std::move(deleted)) {
    thread_ = std::jthread([this] { Run(); });
  }
  ~NftWatch() override {
    const uint64_t one = 1;
    (void)!write(stop_.get(), &one, sizeof one);
  }

 private:
  void Run() const {
    std::array<pollfd, 2> files = {{{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    while (true) {
      if (poll(files.data(), files.size(), -1) < 0 && errno != EINTR) return;
      if (files[1].revents != 0) return;
      if (files[0].revents != 0 && Drain()) deleted_();
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
        matters |= Matters(message);
      }
    }
  }

  const File socket_;
  const File stop_;
  const std::function<void()> deleted_;
  std::jthread thread_;  // Last, so that it ends first.
};

}  // namespace

Result<std::unique_ptr<FlushWatch>> WatchNftDeletions(std::function<void()> deleted) {
  File socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (socket.get() < 0) {
    return Fail(Reason::kForbidden, std::string("netlink: ") + std::strerror(errno));
  }
  const int group = NFNLGRP_NFTABLES;
  if (setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    return Fail(Reason::kForbidden,
                std::string("no events of nftables from the kernel: ") + std::strerror(errno));
  }
  File stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  return std::make_unique<NftWatch>(std::move(socket), std::move(stop), std::move(deleted));
}

}  // namespace skiff::proxy
