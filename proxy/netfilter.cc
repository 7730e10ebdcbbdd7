#include "proxy/netfilter.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "base/process.h"

namespace skiff::proxy {
namespace {

constexpr char kCanary[] = "KUBE-PROXY-CANARY";
constexpr Duration kTimeout = 60s;

// "iptables-nft", "iptables-legacy", ...
std::string Program(const std::string& flavour, const char* suffix) {
  return flavour + suffix;
}

int RuleCount(const std::string& flavour) {
  const auto saved = RunProcess({.argv = {Program(flavour, "-save")}, .timeout = kTimeout});
  if (!saved || saved->exit_code != 0) return -1;
  return static_cast<int>(std::count(saved->out.begin(), saved->out.end(), '\n'));
}

// kubelet and others mark which flavour a machine uses by rules that exist already.
Result<std::string> ChooseFlavour(IpFamily family) {
  const std::string base = family == IpFamily::kIpv6 ? "ip6tables" : "iptables";
  std::string best;
  int most = -1;
  for (const char* suffix : {"-nft", "-legacy", ""}) {
    const std::string flavour = base + suffix;
    if (!FindProgram(Program(flavour, "-save")) || !FindProgram(Program(flavour, "-restore"))) {
      continue;
    }
    if (*suffix == '\0' && !best.empty()) continue;
    const int rules = RuleCount(flavour);
    if (rules > most) {
      most = rules;
      best = flavour;
    }
  }
  if (!best.empty()) return best;
  if (!FindProgram(base)) {
    return Fail(Reason::kNotFound,
                "no iptables on this machine; install it with: apt-get install iptables");
  }
  return Fail(Reason::kForbidden,
              "iptables cannot read the kernel's rules; it needs root and the kernel's netfilter");
}

class Iptables final : public Netfilter {
 public:
  explicit Iptables(std::string flavour) : flavour_(std::move(flavour)) {}
  Result<> EnsureJumps(const std::vector<Jump>& jumps) override;
  Result<> Restore(const std::string& text) override;
  bool CanaryLives() override;
  Result<> MakeCanary() override;
  Result<RuleSet> OurChains() override;
  Result<> RemoveAll(const std::vector<Jump>& jumps) override;
  void ForgetUdp(const std::string& ip, int port, const std::vector<std::string>& keep) override;

 private:
  Result<ProcessOutput> Run(const std::string& table, std::vector<std::string> arguments) {
    std::vector<std::string> argv = {flavour_, "-w", "5", "-t", table};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return RunProcess({.argv = std::move(argv), .timeout = kTimeout});
  }
  const std::string flavour_;
};

std::vector<std::string> With(const char* verb, const Jump& jump) {
  std::vector<std::string> arguments = {verb, jump.chain};
  arguments.insert(arguments.end(), jump.rule.begin(), jump.rule.end());
  return arguments;
}

bool IsOurs(const std::string& chain) {
  return chain.starts_with("KUBE-");
}

Result<> Iptables::EnsureJumps(const std::vector<Jump>& jumps) {
  for (const Jump& jump : jumps) {
    (void)Run(jump.table, {"-N", jump.rule.back()});  // It may be there already.
    const auto present = TRY(Run(jump.table, With("-C", jump)));
    if (present.exit_code == 0) continue;
    const auto made = TRY(Run(jump.table, With("-I", jump)));
    if (made.exit_code != 0) {
      return Fail(Reason::kInternalError,
                  fmt::format("{} -I {}: {}", flavour_, jump.chain, made.err));
    }
  }
  return {};
}

Result<> Iptables::Restore(const std::string& text) {
  const auto restored =
      TRY(RunProcess({.argv = {Program(flavour_, "-restore"), "-w", "5", "--noflush", "--counters"},
                      .stdin_text = text,
                      .timeout = kTimeout}));
  if (restored.exit_code == 0) return {};
  return Fail(Reason::kInternalError, Program(flavour_, "-restore") + ": " + restored.err);
}

bool Iptables::CanaryLives() {
  for (const char* table : {"mangle", "nat", "filter"}) {
    const auto listed = Run(table, {"-S", kCanary});
    if (!listed || listed->exit_code != 0) return false;
  }
  return true;
}

Result<> Iptables::MakeCanary() {
  for (const char* table : {"mangle", "nat", "filter"}) {
    const auto made = TRY(Run(table, {"-N", kCanary}));
    const bool exists = made.exit_code == 1;
    if (made.exit_code != 0 && !exists) return Fail(Reason::kInternalError, made.err);
  }
  return {};
}

Result<RuleSet> Iptables::OurChains() {
  RuleSet set;
  for (const auto& [table, rules] :
       {std::pair<const char*, TableRules*>{"filter", &set.filter}, {"nat", &set.nat}}) {
    const auto saved =
        TRY(RunProcess({.argv = {Program(flavour_, "-save"), "-t", table}, .timeout = kTimeout}));
    std::istringstream lines(saved.out);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(":")) continue;
      const std::string chain = line.substr(1, line.find(' ') - 1);
      // What is in it is not compared: contents that differ are written anew.
      if (IsOurs(chain) && chain != kCanary) rules->chains[chain] = {"(unknown)"};
    }
  }
  return set;
}

Result<> Iptables::RemoveAll(const std::vector<Jump>& jumps) {
  for (const Jump& jump : jumps) (void)Run(jump.table, With("-D", jump));
  const RuleSet ours = TRY(OurChains());
  TRY(Restore(RestoreText({}, ours)));
  for (const char* table : {"mangle", "nat", "filter"}) (void)Run(table, {"-X", kCanary});
  return {};
}

void Iptables::ForgetUdp(const std::string& ip, int port, const std::vector<std::string>& keep) {
  const auto listed = RunProcess(
      {.argv = {"conntrack", "-L", "-p", "udp", "--orig-dst", ip, "--dport", std::to_string(port)},
       .timeout = kTimeout});
  if (!listed) return;
  const std::set<std::string> kept(keep.begin(), keep.end());
  std::set<std::string> stale;
  std::istringstream lines(listed->out);
  for (std::string line; std::getline(lines, line);) {
    // The second src= of an entry is where the answers come from.
    const auto first = line.find("src=");
    const auto second = line.find("src=", first + 4);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string from = line.substr(second + 4, line.find(' ', second) - second - 4);
    if (!kept.contains(from)) stale.insert(from);
  }
  for (const std::string& from : stale) {
    (void)RunProcess(
        {.argv = {"conntrack", "-D", "-p", "udp", "--orig-dst", ip, "--reply-src", from},
         .timeout = kTimeout});
  }
}

}  // namespace

Result<std::unique_ptr<Netfilter>> OpenIptables(IpFamily family) {
  return std::make_unique<Iptables>(TRY(ChooseFlavour(family)));
}

}  // namespace skiff::proxy
