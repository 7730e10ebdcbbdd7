// Hears what the kernel tells of its network: links, routes, packet filters.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"

struct nlmsghdr;

namespace skiff {

// One thread, asleep while the kernel is silent. Ends when it dies.
class NetlinkWatch {
 public:
  struct Options {
    int protocol = 0;         // NETLINK_ROUTE, NETLINK_NETFILTER, ...
    std::vector<int> groups;  // RTNLGRP_LINK, ...
    // Whether a message is worth a call. On the watch's thread.
    std::function<bool(const nlmsghdr& message)> matters;
    // Called on the watch's thread after one or more messages that matter, or when the kernel had
    // to drop some: it is a hint to look. Must not block for long.
    std::function<void()> changed;
  };
  // Of the network namespace of the calling thread. Forbidden: no permission, or a kernel without.
  static Result<std::unique_ptr<NetlinkWatch>> Start(Options options);
  virtual ~NetlinkWatch() = default;
};

// The text of the attribute `type` of a message whose own header has so many bytes; "" when it has
// none.
std::string_view NetlinkText(const nlmsghdr& message, size_t header_bytes, uint16_t type);

}  // namespace skiff
