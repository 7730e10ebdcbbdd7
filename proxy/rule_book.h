// What the kernel holds of our rules, and the texts for iptables-restore that bring it to the next
// state. A change in one service writes that service's own chains and, only if what it adds there
// differs, the chains it shares with others; everything else is left alone. Pure.
//
//   RuleBook book(options);
//   auto plan = book.Full(services, chains_in_kernel);   // At the start, and when in doubt.
//   ... run plan.texts in order; when all went well:
//   book.Commit();
//   plan = book.Partial(services, {"default/web:http/tcp"});
//
// A plan that was not committed is forgotten by the next one. After a failure the kernel's state is
// not known: only Full helps.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proxy/iptables.h"

namespace skiff::proxy {

struct RestorePlan {
  // Each is one call of iptables-restore. What is jumped to is written no later than what jumps.
  std::vector<std::string> texts;
  size_t chains = 0;  // Written.
  RuleCounts rules;   // Written.
};

class RuleBook {
 public:
  // `rules_max`: so many rules go into one text at most, one service's chains never being parted;
  // 0: all into one. iptables-nft takes a time that grows with the square of a text's length.
  RuleBook(IptablesOptions options, size_t rules_max)
      : options_(std::move(options)), rules_max_(rules_max) {}

  // Writes every chain anew and deletes those of `found` that are ours and not wanted.
  RestorePlan Full(const ServiceMap& services, const RuleSet& found);
  // Writes what differs, of the given keys of the map; those that are not in it are gone.
  RestorePlan Partial(const ServiceMap& services, const std::set<std::string>& keys);
  // The last plan is what the kernel has now.
  void Commit();

  // In the kernel after the last Commit, shared chains included.
  RuleCounts rules() const;

 private:
  struct Entry {
    ServicePortRules service;
    RuleSet shared;  // What it adds to the chains of all.
    size_t own_rules = 0;
  };
  // Names of shared chains, by table, whose contents change.
  struct Dirty {
    std::set<std::string> filter;
    std::set<std::string> nat;
  };
  class Writer;
  // Adds the service's own chains to `writer`; `names` gets theirs.
  Entry Write(const ServicePortRules& service, Writer& writer, std::set<std::string>& names) const;
  // The shared chains of those names: fixed rules with what services will add after the plan.
  RuleSet Gather(const Dirty& dirty) const;
  RestorePlan Finish(Writer& writer, const Dirty& dirty, const RuleSet& stale);
  void SetTerse(const ServiceMap& services);

  IptablesOptions options_;
  const size_t rules_max_;
  std::map<std::string, Entry> written_;  // By key of the service map.
  // A plan that waits for Commit.
  bool next_is_full_ = false;
  std::map<std::string, std::optional<Entry>> next_;  // Unset: gone.
};

}  // namespace skiff::proxy
