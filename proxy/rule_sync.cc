#include "proxy/rule_sync.h"

#include <algorithm>
#include <charconv>

#include "proxy/conntrack.h"

namespace skiff::proxy {
namespace {

// The number behind the last "line" of what was said; 0: none.
size_t LineNamedIn(const std::string& said) {
  size_t number = 0;
  for (size_t at = said.find("line"); at != std::string::npos; at = said.find("line", at + 1)) {
    const size_t begin = said.find_first_not_of(": ", at + 4);
    if (begin == std::string::npos) break;
    size_t read = 0;
    std::from_chars(said.data() + begin, said.data() + said.size(), read);
    if (read != 0) number = read;
  }
  return number;
}

std::string LineOf(const std::string& text, size_t number) {
  size_t begin = 0;
  for (size_t line = 1; line < number; ++line) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) return "";
    begin = end + 1;
  }
  return text.substr(begin, text.find('\n', begin) - begin);
}

bool Holds(const std::map<std::string, Chain>& chains, const std::string& chain,
           const std::string& rule) {
  const auto found = chains.find(chain);
  return found != chains.end() &&
         std::find(found->second.begin(), found->second.end(), rule) != found->second.end();
}

}  // namespace

std::string RefusedService(const std::string& said, const std::string& text,
                           const ServiceMap& services, const IptablesOptions& options) {
  constexpr std::string_view kAppend = "-A ";
  const std::string line = LineOf(text, LineNamedIn(said));
  const size_t space = line.find(' ', kAppend.size());
  if (!line.starts_with(kAppend) || space == std::string::npos) return "";
  const std::string chain = line.substr(kAppend.size(), space - kAppend.size());
  const std::string rule = line.substr(space + 1);
  for (const auto& [key, service] : services) {
    const ServiceChains chains = CompileService(service, options);
    if (chains.own.contains(chain) || Holds(chains.shared.nat.chains, chain, rule) ||
        Holds(chains.shared.filter.chains, chain, rule)) {
      return key;
    }
  }
  return "";
}

Result<SyncReport> RuleSync::Full(const ServiceMap& services) {
  const Duration begun = clock_.Monotonic();
  must_write_all_ = true;
  const RuleSet found = TRY(netfilter_.OurChains());
  TRY(netfilter_.MakeCanary());
  SyncReport report = TRY(WriteAll(services, found, begun));
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
  ServiceMap kept;
  std::set<std::string> touched = keys;
  for (const auto& [key, refused] : refused_) touched.insert(key);  // Some may be tried again.
  auto report = Run(book_.Partial(Kept(services, kept), touched), false, clock_.Monotonic());
  // Somebody may have flushed chains that this text leads to: that is no service's fault, and all
  // that is written anew names each chain that it uses.
  if (!report) return Full(services);
  ForgetUdp(services, keys, *report);
  return report;
}

Result<SyncReport> RuleSync::WriteAll(const ServiceMap& services, const RuleSet& found,
                                      Duration begun) {
  for (size_t tries = 0;; ++tries) {
    ServiceMap kept;
    auto report = Run(book_.Full(Kept(services, kept), found), true, begun);
    if (report || !Refuse(services, report.error())) return report;
    if (tries == kRefusedInAWriteMax || clock_.Monotonic() - begun > kRefusingMax) return report;
  }
}

Duration RuleSync::RetryAt() const {
  Duration first = kNever;
  for (const auto& [key, refused] : refused_) first = std::min(first, refused.until);
  return first;
}

const ServiceMap& RuleSync::Kept(const ServiceMap& services, ServiceMap& kept) {
  const Duration now = clock_.Monotonic();
  std::erase_if(refused_, [&](const auto& each) {
    const auto found = services.find(each.first);
    return now >= each.second.until || found == services.end() ||
           found->second != each.second.service;
  });
  if (refused_.empty()) return services;
  for (const auto& [key, service] : services) {
    if (!refused_.contains(key)) kept.emplace(key, service);
  }
  return kept;
}

bool RuleSync::Refuse(const ServiceMap& services, const Error& error) {
  const std::string key = RefusedService(error.message, failed_text_, services, options_);
  if (key.empty()) return false;
  const ServicePortRules& service = services.at(key);
  const bool is_new =
      refused_.insert_or_assign(key, Refused{service, clock_.Monotonic() + kRefusedPeriod}).second;
  // One that was left out already is not in that text.
  if (!is_new) return false;
  log_.Error("the rules of a service are refused; it is left out, so that others have theirs",
             {{"service", service.name}, {"error", error.message}});
  return true;
}

Result<SyncReport> RuleSync::Run(const RestorePlan& plan, bool full, Duration begun) {
  must_write_all_ = true;  // Unless all of it succeeds.
  for (const std::string& text : plan.texts) {
    if (const auto restored = netfilter_.Restore(text); !restored) {
      failed_text_ = text;
      return Fail(restored.error());
    }
  }
  failed_text_.clear();
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
