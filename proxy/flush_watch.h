// Hears from the kernel that somebody took nftables chains or rules away, iptables-nft's included.
// The older tables have no such events.
#pragma once

#include <functional>
#include <memory>

#include "base/netlink_watch.h"

namespace skiff::proxy {

// `deleted` is called on the watch's thread after a table of nftables went, one of our chains that
// never goes while we run, or a rule in one of the kernel's own chains. It is a hint to look, never
// more: others delete rules of theirs.
Result<std::unique_ptr<NetlinkWatch>> WatchNftDeletions(std::function<void()> deleted);

}  // namespace skiff::proxy
