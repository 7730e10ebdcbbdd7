#include "proxy/rule_sync.h"
#include "proxy/conntrack.h"

namespace skiff::proxy {

Result<SyncReport> RuleSync::Full(const ServiceMap& services) {
  const Duration begun = clock_.Monotonic();
  must_write_all_ = true;
  const RuleSet found = TRY(netfilter_.OurChains());
  TRY(netfilter_.MakeCanary());
  SyncReport report = TRY(Run(book_.Full(services, found), true, begun));
  (void)TRY(netfilter_.EnsureJumps(IptablesJumps()));
  must_write_all_ = false;
  std::set<std::string> keys;
  for (const auto& [key, service] : services) keys.insert(key);
  ForgetUdp(services, keys, report);
  return report;
}

Result<SyncReport> RuleSync::Partial(const ServiceMap& services,
                                     const std::set<std::string>& keys) {
  if (must_write_all_) return Full(services);
  SyncReport report = TRY(Run(book_.Partial(services, keys), false, clock_.Monotonic()));
  ForgetUdp(services, keys, report);
  return report;
}

Result<SyncReport> RuleSync::Run(const RestorePlan& plan, bool full, Duration begun) {
  must_write_all_ = true;  // Unless all of it succeeds.
  for (const std::string& text : plan.texts) TRY(netfilter_.Restore(text));
  book_.Commit();
  must_write_all_ = full;  // A full write is done when its jumps are.
  SyncReport report;
  report.full = full;
  report.chains = plan.chains;
  report.rules = plan.rules;
  report.took = clock_.Monotonic() - begun;
  return report;
}

void RuleSync::ForgetUdp(const ServiceMap& services, const std::set<std::string>& keys,
                         SyncReport& report) {
  if (!HasServedUdp(services, keys)) return;
  const Duration begun = clock_.Monotonic();
  const auto forgotten = netfilter_.ForgetUdp(services, keys);
  if (forgotten) {
    report.forgetting_took = clock_.Monotonic() - begun;
    report.forgotten = *forgotten;
    if (*forgotten > 0) log_.Debug("stale UDP entries deleted", {{"entries", *forgotten}});
  } else if (!said_no_conntrack_) {
    // Rules are right all the same; what suffers is a client that never changes its port.
    log_.Error(
        "UDP clients of endpoints that are gone are not sent on; install the package "
        "conntrack",
        {{"error", forgotten.error().message}});
    said_no_conntrack_ = true;
  }
}

bool RuleSync::Intact(bool jumps) {
  if (!netfilter_.CanaryLives()) return false;
  if (!jumps) return true;
  const auto missing = netfilter_.EnsureJumps(IptablesJumps());
  return missing && *missing == 0;
}

}  // namespace skiff::proxy
