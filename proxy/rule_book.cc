#include "proxy/rule_book.h"

#include <algorithm>

namespace skiff::proxy {
namespace {

// kube-proxy calls a cluster large from here on.
constexpr size_t kLargeEndpoints = 1000;
constexpr char kMarkMasquerade[] = "KUBE-MARK-MASQ";

void NoteDifferent(const TableRules& before, const TableRules& now, std::set<std::string>& dirty) {
  const auto differs = [&](const TableRules& a, const TableRules& b) {
    for (const auto& [chain, rules] : a.chains) {
      const auto other = b.chains.find(chain);
      if (other == b.chains.end() || other->second != rules) dirty.insert(chain);
    }
  };
  differs(before, now);
  differs(now, before);
}

void Append(const TableRules& from, const std::string& chain, Chain& to) {
  const auto found = from.chains.find(chain);
  if (found != from.chains.end()) to.insert(to.end(), found->second.begin(), found->second.end());
}

}  // namespace

// Collects chains of the table nat into texts of bounded length.
class RuleBook::Writer {
 public:
  explicit Writer(size_t rules_max) : rules_max_(rules_max) {}

  void Add(const std::map<std::string, Chain>& chains) {
    size_t rules = 0;
    for (const auto& [chain, contents] : chains) rules += contents.size();
    if (rules_max_ != 0 && held_rules_ != 0 && held_rules_ + rules > rules_max_) {
      plan_.texts.push_back(RestoreText({.nat = std::move(held_)}, {}));
      held_ = {};
      held_rules_ = 0;
    }
    held_.chains.insert(chains.begin(), chains.end());
    held_rules_ += rules;
    plan_.chains += chains.size();
    plan_.rules.nat += rules;
  }

  // The last text: what jumps to chains written so far, and then what nothing jumps to any more.
  RestorePlan Finish(const RuleSet& shared, const RuleSet& stale) {
    plan_.chains += shared.filter.chains.size() + shared.nat.chains.size();
    plan_.rules += CountRules(shared);
    RuleSet wanted{.filter = shared.filter, .nat = std::move(held_)};
    wanted.nat.chains.insert(shared.nat.chains.begin(), shared.nat.chains.end());
    std::string text = RestoreText(wanted, stale);
    if (!text.empty()) plan_.texts.push_back(std::move(text));
    return std::move(plan_);
  }

 private:
  const size_t rules_max_;
  TableRules held_;
  size_t held_rules_ = 0;
  RestorePlan plan_;
};

RuleBook::Entry RuleBook::Write(const ServicePortRules& service, Writer& writer,
                                std::set<std::string>& names) const {
  ServiceChains chains = CompileService(service, options_);
  Entry entry{service, std::move(chains.shared), 0};
  for (const auto& [chain, contents] : chains.own) {
    names.insert(chain);
    entry.own_rules += contents.size();
  }
  writer.Add(chains.own);
  return entry;
}

void RuleBook::SetTerse(const ServiceMap& services) {
  size_t endpoints = 0;
  for (const auto& [key, service] : services) endpoints += service.cluster_endpoints.size();
  options_.terse = endpoints > kLargeEndpoints;
}

RestorePlan RuleBook::Full(const ServiceMap& services, const RuleSet& found) {
  next_.clear();
  next_is_full_ = true;
  SetTerse(services);
  const FixedChains fixed = CompileFixed(options_);
  Writer writer(rules_max_);
  // The chains of services jump there.
  writer.Add({{kMarkMasquerade, fixed.first.nat.chains.at(kMarkMasquerade)}});
  std::set<std::string> own;
  for (const auto& [key, service] : services) next_.emplace(key, Write(service, writer, own));
  Dirty dirty;
  for (const auto& [chain, rules] : fixed.first.filter.chains) dirty.filter.insert(chain);
  for (const auto& [chain, rules] : fixed.first.nat.chains) {
    if (chain != kMarkMasquerade) dirty.nat.insert(chain);
  }
  RuleSet stale;
  for (const auto& [chain, rules] : found.filter.chains) {
    if (IsServiceChain(chain) && !dirty.filter.contains(chain)) stale.filter.chains[chain];
  }
  for (const auto& [chain, rules] : found.nat.chains) {
    const bool wanted = own.contains(chain) || fixed.first.nat.chains.contains(chain);
    if (IsServiceChain(chain) && !wanted) stale.nat.chains[chain];
  }
  return Finish(writer, dirty, stale);
}

RestorePlan RuleBook::Partial(const ServiceMap& services, const std::set<std::string>& keys) {
  next_.clear();
  next_is_full_ = false;
  SetTerse(services);
  Writer writer(rules_max_);
  Dirty dirty;
  RuleSet stale;
  for (const std::string& key : keys) {
    const auto before = written_.find(key);
    const auto now = services.find(key);
    const bool had = before != written_.end(), has = now != services.end();
    if (!had && !has) continue;
    if (had && has && before->second.service == now->second) continue;
    std::set<std::string> own;
    auto& next = next_[key];
    if (has) next = Write(now->second, writer, own);
    const RuleSet shared_before = had ? before->second.shared : RuleSet{};
    const RuleSet shared_now = has ? next->shared : RuleSet{};
    NoteDifferent(shared_before.filter, shared_now.filter, dirty.filter);
    NoteDifferent(shared_before.nat, shared_now.nat, dirty.nat);
    if (!had) continue;
    for (const auto& [chain, rules] : CompileService(before->second.service, options_).own) {
      if (!own.contains(chain)) stale.nat.chains[chain];
    }
  }
  return Finish(writer, dirty, stale);
}

RestorePlan RuleBook::Finish(Writer& writer, const Dirty& dirty, const RuleSet& stale) {
  return writer.Finish(Gather(dirty), stale);
}

RuleSet RuleBook::Gather(const Dirty& dirty) const {
  // In the order of their keys, of which two maps know: what was written and what will be.
  std::vector<const Entry*> entries;
  auto old = next_is_full_ ? written_.end() : written_.begin();
  auto next = next_.begin();
  while (old != written_.end() || next != next_.end()) {
    const bool take_old =
        next == next_.end() || (old != written_.end() && old->first < next->first);
    if (take_old) {
      entries.push_back(&old->second);
      ++old;
      continue;
    }
    if (old != written_.end() && old->first == next->first) ++old;
    if (next->second) entries.push_back(&*next->second);
    ++next;
  }
  const FixedChains fixed = CompileFixed(options_);
  RuleSet shared;
  for (const std::string& chain : dirty.filter) {
    Chain& rules = shared.filter.chains[chain];
    Append(fixed.first.filter, chain, rules);
    for (const Entry* entry : entries) Append(entry->shared.filter, chain, rules);
    Append(fixed.last.filter, chain, rules);
  }
  for (const std::string& chain : dirty.nat) {
    Chain& rules = shared.nat.chains[chain];
    Append(fixed.first.nat, chain, rules);
    for (const Entry* entry : entries) Append(entry->shared.nat, chain, rules);
    Append(fixed.last.nat, chain, rules);
  }
  return shared;
}

void RuleBook::Commit() {
  if (next_is_full_) written_.clear();
  for (auto& [key, entry] : next_) {
    if (entry) {
      written_.insert_or_assign(key, std::move(*entry));
    } else {
      written_.erase(key);
    }
  }
  next_.clear();
  next_is_full_ = false;
}

RuleCounts RuleBook::rules() const {
  const FixedChains fixed = CompileFixed(options_);
  RuleCounts counts = CountRules(fixed.first);
  counts += CountRules(fixed.last);
  for (const auto& [key, entry] : written_) {
    counts += CountRules(entry.shared);
    counts.nat += entry.own_rules;
  }
  return counts;
}

}  // namespace skiff::proxy
