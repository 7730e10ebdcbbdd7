#include "proxy/rule_set.h"

#include <fmt/format.h>

#include <string_view>

namespace skiff::proxy {
namespace {

std::string TableText(std::string_view name, const TableRules& wanted, const TableRules& applied) {
  std::string declared, rules, deleted;
  for (const auto& [chain, contents] : wanted.chains) {
    const auto before = applied.chains.find(chain);
    if (before != applied.chains.end() && before->second == contents) continue;
    declared += ":" + chain + " - [0:0]\n";
    for (const std::string& rule : contents) rules += "-A " + chain + " " + rule + "\n";
  }
  for (const auto& [chain, contents] : applied.chains) {
    if (wanted.chains.contains(chain)) continue;
    declared += ":" + chain + " - [0:0]\n";
    deleted += "-X " + chain + "\n";
  }
  if (declared.empty()) return "";
  return "*" + std::string(name) + "\n" + declared + rules + deleted + "COMMIT\n";
}

size_t Count(const TableRules& table) {
  size_t rules = 0;
  for (const auto& [chain, contents] : table.chains) rules += contents.size();
  return rules;
}

}  // namespace

RuleCounts& RuleCounts::operator+=(const RuleCounts& other) {
  filter += other.filter;
  nat += other.nat;
  return *this;
}

RuleCounts CountRules(const RuleSet& rules) {
  return {Count(rules.filter), Count(rules.nat)};
}

std::string RuleComment(std::string_view text) {
  // A word without spaces needs no quotes, and kube-proxy writes none.
  const bool plain = text.find(' ') == std::string_view::npos;
  return plain ? fmt::format("-m comment --comment {}", text)
               : fmt::format("-m comment --comment \"{}\"", text);
}

std::string RestoreText(const RuleSet& wanted, const RuleSet& applied) {
  return TableText("filter", wanted.filter, applied.filter) +
         TableText("nat", wanted.nat, applied.nat);
}

}  // namespace skiff::proxy
