#include "proxy/iptables_flavour.h"

#include <fmt/format.h>

#include <array>
#include <sstream>

namespace skiff::proxy {
namespace {

constexpr Duration kProbeTimeout = 60s;

// Chains of the mangle table that stand for nothing but "Kubernetes uses this flavour".
constexpr std::array<std::string_view, 3> kHints = {"KUBE-IPTABLES-HINT", "KUBE-KUBELET-CANARY",
                                                    "KUBE-PROXY-CANARY"};

std::string BaseName(IpFamily family) {
  return family == IpFamily::kIpv6 ? "ip6tables" : "iptables";
}

// What both families have saved; "" where that cannot be had. `table` "": all.
std::string Saved(const IptablesHost& host, const std::string& flavour, const std::string& table) {
  std::string text;
  for (const IpFamily family : {IpFamily::kIpv4, IpFamily::kIpv6}) {
    const std::string program = BaseName(family) + "-" + flavour + "-save";
    if (!host.has(program)) continue;
    ProcessSpec spec{.argv = {program}, .timeout = kProbeTimeout};
    if (!table.empty()) spec.argv.insert(spec.argv.end(), {"-t", table});
    const auto saved = host.run(spec);
    if (saved && saved->exit_code == 0) text += saved->out;
  }
  return text;
}

bool HasHint(const std::string& saved) {
  std::istringstream lines(saved);
  for (std::string line; std::getline(lines, line);) {
    for (const std::string_view hint : kHints) {
      if (line.starts_with(fmt::format(":{} ", hint))) return true;
    }
  }
  return false;
}

int CountRules(const std::string& saved) {
  int count = 0;
  std::istringstream lines(saved);
  for (std::string line; std::getline(lines, line);) count += line.starts_with("-");
  return count;
}

bool IsInstalled(const std::string& program, const IptablesHost& host) {
  return host.has(program) && host.has(program + "-save") && host.has(program + "-restore");
}

// What keeps a program from working here; "" for nothing.
std::string Trouble(const std::string& program, const IptablesHost& host) {
  if (!IsInstalled(program, host)) return program + " is not installed";
  for (const char* table : {"filter", "nat"}) {
    const auto listed =
        host.run({.argv = {program, "-w", "5", "-t", table, "-S", "OUTPUT"},
                  .timeout = kProbeTimeout});
    if (!listed) return listed.error().message;
    if (listed->exit_code == 0) continue;
    std::string said = listed->err.empty() ? listed->out : listed->err;
    while (!said.empty() && std::isspace(static_cast<unsigned char>(said.back()))) said.pop_back();
    return fmt::format("{} cannot use the table {}: {}", program, table, said);
  }
  return "";
}

bool Mentions(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

std::string Remedy(const std::string& troubles) {
  if (Mentions(troubles, "Permission denied") || Mentions(troubles, "ermitted")) {
    return "it needs root and CAP_NET_ADMIN; in a container, start it with --privileged or "
           "--cap-add NET_ADMIN";
  }
  if (Mentions(troubles, "cannot use")) {
    return "the kernel lacks netfilter: load it with \"modprobe -a nf_tables nft_compat\" or "
           "\"modprobe -a ip_tables iptable_filter iptable_nat\" on the host, or choose the other "
           "flavour with --iptables-flavour=nft|legacy";
  }
  return "install it with: apt-get install iptables";
}

}  // namespace

Result<IptablesFlavour> ParseIptablesFlavour(const std::string& text) {
  for (const auto flavour :
       {IptablesFlavour::kAuto, IptablesFlavour::kNft, IptablesFlavour::kLegacy}) {
    if (text == FlavourText(flavour)) return flavour;
  }
  return Fail(Reason::kInvalid, fmt::format("invalid flavour of iptables \"{}\": must be auto, nft "
                                            "or legacy",
                                            text));
}

std::string FlavourText(IptablesFlavour flavour) {
  switch (flavour) {
    case IptablesFlavour::kAuto:
      return "auto";
    case IptablesFlavour::kNft:
      return "nft";
    case IptablesFlavour::kLegacy:
      return "legacy";
  }
  return "";
}

IptablesFlavour FlavourInUse(const IptablesHost& host) {
  if (HasHint(Saved(host, "nft", "mangle"))) return IptablesFlavour::kNft;
  // Naming a table would make the kernel create it, so all that exist are read.
  const std::string legacy = Saved(host, "legacy", "");
  if (HasHint(legacy)) return IptablesFlavour::kLegacy;
  const int legacy_rules = CountRules(legacy);
  if (legacy_rules == 0) return IptablesFlavour::kNft;
  return legacy_rules > CountRules(Saved(host, "nft", "")) ? IptablesFlavour::kLegacy
                                                           : IptablesFlavour::kNft;
}

Result<std::string> ChooseIptables(IpFamily family, IptablesFlavour wanted,
                                   const IptablesHost& host) {
  const std::string base = BaseName(family);
  std::vector<std::string> candidates;
  if (wanted == IptablesFlavour::kAuto) {
    const bool nft_first = FlavourInUse(host) == IptablesFlavour::kNft;
    candidates = {base + (nft_first ? "-nft" : "-legacy"), base + (nft_first ? "-legacy" : "-nft"),
                  base};
  } else {
    candidates = {base + "-" + FlavourText(wanted)};
  }
  std::string troubles;
  for (const std::string& program : candidates) {
    const std::string trouble = Trouble(program, host);
    if (trouble.empty()) return program;
    // A plain "iptables" is one of the two under another name: it adds nothing to their troubles.
    if (program != base) troubles += (troubles.empty() ? "" : "; ") + trouble;
  }
  const bool absent = !Mentions(troubles, "cannot use");
  return Fail(absent ? Reason::kNotFound : Reason::kForbidden,
              fmt::format("service rules need {}: {}; {}", base, troubles, Remedy(troubles)));
}

std::vector<std::string> InstalledIptables(IpFamily family, const IptablesHost& host) {
  const std::string base = BaseName(family);
  std::vector<std::string> found;
  for (const char* suffix : {"-nft", "-legacy"}) {
    if (IsInstalled(base + suffix, host)) found.push_back(base + suffix);
  }
  if (found.empty() && IsInstalled(base, host)) found.push_back(base);
  return found;
}

}  // namespace skiff::proxy
