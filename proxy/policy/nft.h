// The kernel's nftables, as the policy loop uses them: one table of ours, nobody else's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

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
  // Whether rules can look routes up (the kernel's nft_fib).
  virtual bool LooksUpRoutes() = 0;
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

// Of a machine that has booted, before it has read any policies: unless the table is there, in
// place of it one by which pods of these ranges begin no connections, and nobody but their node
// with them. What Load brings first replaces it.
Result<> CloseUntilRead(const std::vector<std::string>& ranges);
// That table; pure.
std::string ClosedTable(const std::vector<std::string>& ranges);

}  // namespace skiff::netpol
