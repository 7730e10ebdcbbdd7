// Chains and their rules as iptables-restore takes them, and the text that turns one set into
// another. Writing only chains that changed keeps an update of one service among ten thousand
// small.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::proxy {

// A rule without its "-A CHAIN ".
using Chain = std::vector<std::string>;

struct TableRules {
  std::map<std::string, Chain> chains;
  bool operator==(const TableRules&) const = default;
};

struct RuleSet {
  TableRules filter;
  TableRules nat;
  bool operator==(const RuleSet&) const = default;
};

// How many rules of each table.
struct RuleCounts {
  size_t filter = 0;
  size_t nat = 0;
  size_t all() const { return filter + nat; }
  RuleCounts& operator+=(const RuleCounts& other);
  bool operator==(const RuleCounts&) const = default;
};
RuleCounts CountRules(const RuleSet& rules);

// "-m comment --comment TEXT", with quotes where TEXT has spaces.
std::string RuleComment(std::string_view text);

// Input of `iptables-restore --noflush --counters` that brings the kernel from `applied` to
// `wanted`; "" when nothing differs. Chains that are only in `applied` are emptied and deleted.
std::string RestoreText(const RuleSet& wanted, const RuleSet& applied);

}  // namespace skiff::proxy
