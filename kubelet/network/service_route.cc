#include "base/process.h"
#include "kubelet/network/links.h"

namespace skiff {
namespace {

constexpr char kTable[] = "9797";
constexpr char kPreference[] = "9797";

std::vector<std::string> Rule(const char* verb, const std::string& cidr) {
  return {"ip", "rule", verb, "iif", "lo", "to", cidr, "lookup", kTable, "pref", kPreference};
}

}  // namespace

Result<> AddServiceRoute(const std::string& cidr, const std::string& source) {
  TRY(RunChecked(
      {.argv = {"ip", "route", "replace", cidr, "dev", "lo", "src", source, "table", kTable}}));
  // The same rule twice would be two rules.
  (void)RunProcess({.argv = Rule("del", cidr)});
  TRY(RunChecked({.argv = Rule("add", cidr)}));
  return {};
}

Result<> RemoveServiceRoute(const std::string& cidr) {
  (void)RunProcess({.argv = Rule("del", cidr)});
  (void)RunProcess({.argv = {"ip", "route", "flush", "table", kTable}});
  return {};
}

}  // namespace skiff
