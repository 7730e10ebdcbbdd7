// The kernel's nftables, as the policy loop uses them: one table of ours, nobody else's.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"

namespace skiff::netpol {

// Acts on the network namespace of the calling thread. One thread at a time.
class Nft {
 public:
  virtual ~Nft() = default;
  // Text for `nft -f`: all of it or nothing.
  virtual Result<> Load(const std::string& text) = 0;
  // Whether the table's base chains are as they were loaded.
  virtual bool Intact() = 0;
  // Removes the table, where it is.
  virtual Result<> Remove() = 0;
  // From now on `look` is called, on a thread of its own, when somebody may have taken the table or
  // its base chains' rules away. False where the kernel does not tell.
  virtual bool OnDeletions(std::function<void()> look) = 0;
  // On return `look` is not called any more.
  virtual void StopWatching() = 0;
};

// By the program nft.
std::unique_ptr<Nft> OpenNft();

// Why policies cannot be enforced on this machine, with a remedy; "" when they can.
std::string NftTrouble();

// Takes the table away, where it is.
Result<> CleanupPolicies();

}  // namespace skiff::netpol
