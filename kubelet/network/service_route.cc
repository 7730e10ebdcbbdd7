#include "base/process.h"
#include "kubelet/network/links.h"

namespace skiff {
namespace {

constexpr char kTable[] = "9797";
constexpr char kPreference[] = "9797";
constexpr int kRulesMax = 64;  // One a range that was ever used.
// A bridge without ports: packets end in it. The loopback would do for that, but the kernel takes
// what is routed there for its own address and so sends no refusal of iptables' REJECT from it.
constexpr char kDevice[] = "skiff.svc";

const char* FamilyOf(const std::string& cidr) {
  return cidr.find(':') == std::string::npos ? "-4" : "-6";
}

std::vector<std::string> Rule(const char* verb, const std::string& cidr) {
  return {"ip", FamilyOf(cidr), "rule",   verb,   "iif",  "lo",
          "to", cidr,           "lookup", kTable, "pref", kPreference};
}

}  // namespace

Result<> AddServiceRoute(const std::string& cidr, const std::string& source) {
  // It may be there already; whether it is up is what counts.
  (void)RunProcess({.argv = {"ip", "link", "add", kDevice, "type", "bridge"}});
  TRY(RunChecked({.argv = {"ip", "link", "set", kDevice, "up"}}));
  const char* family = FamilyOf(cidr);
  std::vector<std::string> own = {"ip",  family,  "route", "replace", cidr,
                                  "dev", kDevice, "table", kTable};
  std::vector<std::string> with_source = own;
  if (!source.empty()) with_source.insert(with_source.end(), {"src", source});
  // The kernel takes no source that has gone, or is not this machine's yet.
  if (!RunChecked({.argv = with_source})) TRY(RunChecked({.argv = own}));
  TRY(RunChecked(
      {.argv = {"ip", family, "route", "replace", cidr, "dev", kDevice, "proto", "static"}}));
  // The same rule twice would be two rules.
  (void)RunProcess({.argv = Rule("del", cidr)});
  TRY(RunChecked({.argv = Rule("add", cidr)}));
  return {};
}

Result<> RemoveServiceRoute() {
  for (const char* family : {"-4", "-6"}) {
    for (int rules = 0; rules < kRulesMax; ++rules) {
      const auto removed = TRY(RunProcess(
          {.argv = {"ip", family, "rule", "del", "lookup", kTable, "pref", kPreference}}));
      if (removed.exit_code != 0) break;  // There is none left.
    }
    (void)RunProcess({.argv = {"ip", family, "route", "flush", "table", kTable}});
  }
  return DeleteLink(kDevice);
}

}  // namespace skiff
