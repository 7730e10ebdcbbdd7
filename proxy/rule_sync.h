// Brings the kernel's rules to what a map of services wants.
#pragma once

#include <map>
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

// The key of the service one of whose rules stands in that line of the text, which iptables-restore
// names when it refuses it ("Error occurred at line: 12", "line 12: RULE_APPEND failed"); "" for
// none.
std::string RefusedService(const std::string& said, const std::string& text,
                           const ServiceMap& services, const IptablesOptions& options);

// Writes a map of services into the kernel, wholly or what changed of it. One thread at a time.
//
// iptables-restore takes all of a text or nothing. A service with a rule that it refuses is left
// out, so that it keeps no other from its rules, until it changes or kRefusedPeriod is over.
class RuleSync {
 public:
  // `netfilter` outlives this.
  RuleSync(Netfilter& netfilter, const IptablesOptions& options, const Clock& clock)
      : netfilter_(netfilter),
        clock_(clock),
        options_(options),
        book_(options, netfilter.restore_rules_max()) {}

  // Writes everything, whatever the kernel has, and makes the jumps.
  Result<SyncReport> Full(const ServiceMap& services);
  // Writes what those keys of the map need. Full, after a failure of either.
  Result<SyncReport> Partial(const ServiceMap& services, const std::set<std::string>& keys);
  // Whether the rules look as they were left. Without `jumps` only the canary is looked at.
  bool Intact(bool jumps);
  RuleCounts rules() const { return book_.rules(); }
  // When a write may try a service again that is left out; monotonic, kNever where none is.
  Duration RetryAt() const;

  static constexpr Duration kRefusedPeriod = 10min;
  // So many are found in one write, and for about so long; others with the next one.
  static constexpr size_t kRefusedInAWriteMax = 64;
  static constexpr Duration kRefusingMax = 10s;

 private:
  struct Refused {
    ServicePortRules service;
    Duration until{};
  };
  Result<SyncReport> WriteAll(const ServiceMap& services, const RuleSet& found, Duration begun);
  // Without those that are refused. `kept` is where it is made where there are any.
  const ServiceMap& Kept(const ServiceMap& services, ServiceMap& kept);
  // Whether it was a service that the last text was refused for.
  bool Refuse(const ServiceMap& services, const Error& error);
  Result<SyncReport> Run(const RestorePlan& plan, bool full, Duration begun);
  void ForgetUdp(const ServiceMap& services, const std::set<std::string>& keys,
                 SyncReport& report);

  Netfilter& netfilter_;
  const Clock& clock_;
  const IptablesOptions options_;
  const Log log_{"proxy"};
  RuleBook book_;
  bool must_write_all_ = true;
  std::map<std::string, Refused> refused_;  // By key of the service map.
  std::string failed_text_;                 // What the last Run failed at.
  bool said_no_conntrack_ = false;
};

}  // namespace skiff::proxy
