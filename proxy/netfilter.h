// The kernel's packet filter, as the proxier uses it.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "proxy/iptables.h"
#include "proxy/iptables_flavour.h"
#include "proxy/rule_set.h"

namespace skiff::proxy {

// Acts on the network namespace of the calling thread. One thread at a time.
class Netfilter {
 public:
  virtual ~Netfilter() = default;
  // "iptables-nft": for logs and humans.
  virtual std::string name() const = 0;
  // Rules that one text for Restore should hold at most; 0: any number.
  virtual size_t restore_rules_max() const = 0;
  // Makes sure that packets come by our chains, first of all; makes missing ones. Returns how many
  // jumps were missing.
  virtual Result<int> EnsureJumps(const std::vector<Jump>& jumps) = 0;
  // Text of `iptables-restore --noflush --counters`; all of it or nothing.
  virtual Result<> Restore(const std::string& text) = 0;
  // Whether the chains that nobody but us makes are still there: else somebody flushed the rules.
  virtual bool CanaryLives() = 0;
  // Makes those, and the chain that tells other programs which flavour this machine uses.
  virtual Result<> MakeCanary() = 0;
  // Our chains as they are now, so that a restart knows what to delete.
  virtual Result<RuleSet> OurChains() = 0;
  // Lets packets from 127.0.0.1 to ports of the node leave towards pods (route_localnet). Where
  // they could not before, a chain of ours keeps that, so that RemoveAll forbids it again, in
  // whatever process or container.
  virtual Result<> AllowLocalNodePorts() = 0;
  // Removes everything of ours, and others' jumps to it.
  virtual Result<> RemoveAll() = 0;
  // Forgets UDP conversations with endpoints of these services that serve no more.
  virtual Result<int> ForgetUdp(const ServiceMap& services, const std::set<std::string>& keys) = 0;
  // From now on `look` is called, on a thread of its own, when somebody may have taken rules away.
  // False where the kernel tells nothing: then somebody must look now and then.
  virtual bool OnDeletions(std::function<void()> look) = 0;
  // On return `look` is not called any more.
  virtual void StopWatching() = 0;
};

// iptables by its programs; which is chosen by ChooseIptables, and so are the errors.
Result<std::unique_ptr<Netfilter>> OpenIptables(IpFamily family,
                                                IptablesFlavour flavour = IptablesFlavour::kAuto);

// What `skiff proxy --cleanup` does: removes everything of ours from both flavours and both
// families. What is not installed, or does not work here, holds nothing of ours.
Result<> CleanupIptables();

}  // namespace skiff::proxy
