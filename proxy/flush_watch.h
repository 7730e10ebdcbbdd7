// Hears from the kernel that somebody took nftables chains or rules away, iptables-nft's included.
// The older tables have no such events.
#pragma once

#include <functional>
#include <memory>

#include "base/error.h"

namespace skiff::proxy {

// One thread, asleep while nothing is deleted. Stops when it dies.
class FlushWatch {
 public:
  virtual ~FlushWatch() = default;
};

// Of the network namespace of the calling thread. `deleted` is called on the watch's thread, also
// when events were lost: after a table of nftables went, one of our chains that never goes while we
// run, or a rule in one of the kernel's own chains. It is a hint to look, never more: others delete
// rules of theirs. Errors: no permission, or a kernel without nftables.
Result<std::unique_ptr<FlushWatch>> WatchNftDeletions(std::function<void()> deleted);

}  // namespace skiff::proxy
