// The kernel's packet filter, as the proxier uses it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "proxy/iptables.h"
#include "proxy/rule_set.h"

namespace skiff::proxy {

// One thread at a time.
class Netfilter {
 public:
  virtual ~Netfilter() = default;
  // Makes sure that packets come by our chains, first of all; makes missing ones.
  virtual Result<> EnsureJumps(const std::vector<Jump>& jumps) = 0;
  // Text of `iptables-restore --noflush --counters`; all of it or nothing.
  virtual Result<> Restore(const std::string& text) = 0;
  // Whether the chain that nobody but us makes is still there: else somebody flushed the rules.
  virtual bool CanaryLives() = 0;
  virtual Result<> MakeCanary() = 0;
  // Our chains as they are now, so that a restart knows what to delete.
  virtual Result<RuleSet> OurChains() = 0;
  // Removes jumps and chains of ours.
  virtual Result<> RemoveAll(const std::vector<Jump>& jumps) = 0;
  // Drops UDP entries whose original destination this is and that lead to an address not among
  // `keep`: a client that never stops sending would talk to a dead endpoint for ever.
  virtual void ForgetUdp(const std::string& ip, int port, const std::vector<std::string>& keep) = 0;
};

// iptables by its programs. Where both flavours are installed, the one that has rules already is
// used. Fails with what is missing in words for the user.
Result<std::unique_ptr<Netfilter>> OpenIptables(IpFamily family);

}  // namespace skiff::proxy
