// Brings the kernel's rules to what a map of services wants.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/netfilter.h"
#include "proxy/rule_book.h"
#include "proxy/service_map.h"

namespace skiff::proxy {

// How a write went: for metrics and reports.
struct SyncReport {
  bool full = false;
  size_t chains = 0;  // Written.
  RuleCounts rules;   // Written.
  Duration took{};
  // Looking for stale UDP entries, where there was anything to look for, and how many went.
  std::optional<Duration> forgetting_took;
  int forgotten = 0;
};

// Writes a map of services into the kernel, wholly or what changed of it. One thread at a time.
class RuleSync {
 public:
  // `netfilter` outlives this.
  RuleSync(Netfilter& netfilter, const IptablesOptions& options, const Clock& clock)
      : netfilter_(netfilter),
        clock_(clock),
        family_(options.family),
        book_(options, netfilter.restore_rules_max()) {}

  // Writes everything, whatever the kernel has, and makes the jumps.
  Result<SyncReport> Full(const ServiceMap& services);
  // Writes what those keys of the map need. Full, after a failure of either.
  Result<SyncReport> Partial(const ServiceMap& services, const std::set<std::string>& keys);
  // Whether the rules look as they were left. Without `jumps` only the canary is looked at.
  bool Intact(bool jumps);
  RuleCounts rules() const { return book_.rules(); }

 private:
  Result<SyncReport> Run(const RestorePlan& plan, bool full, Duration begun);
  void ForgetUdp(const ServiceMap& services, const std::set<std::string>& keys,
                 SyncReport& report);

  Netfilter& netfilter_;
  const Clock& clock_;
  const IpFamily family_;
  const Log log_{"proxy"};
  RuleBook book_;
  bool must_write_all_ = true;
  bool said_no_conntrack_ = false;
};

}  // namespace skiff::proxy
