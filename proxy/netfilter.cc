#include "proxy/netfilter.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "base/process.h"
#include "proxy/conntrack.h"
#include "proxy/flush_watch.h"

namespace skiff::proxy {
namespace {

constexpr char kCanary[] = "KUBE-PROXY-CANARY";
constexpr char kHint[] = "KUBE-IPTABLES-HINT";
// There, and empty, when it was us who let packets from 127.0.0.1 leave.
constexpr char kLocalNodePorts[] = "KUBE-ROUTE-LOCALNET";
constexpr char kRouteLocalnet[] = "/proc/sys/net/ipv4/conf/all/route_localnet";
constexpr Duration kTimeout = 60s;
constexpr size_t kSavedBytesMax = 256 << 20;  // Some hundred thousand rules.
// Longer texts take iptables-nft a time that grows with the square: twice as much at ten times
// this.
constexpr size_t kNftRulesMax = 3000;

// One table as iptables-save prints it.
struct SavedTable {
  std::vector<std::string> chains;
  std::vector<std::string> rules;  // Without "-A ".
};

std::map<std::string, SavedTable> ParseSaved(const std::string& text) {
  std::map<std::string, SavedTable> tables;
  SavedTable* table = nullptr;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("*")) table = &tables[line.substr(1)];
    if (table == nullptr) continue;
    if (line.starts_with(":")) table->chains.push_back(line.substr(1, line.find(' ') - 1));
    if (line.starts_with("-A ")) table->rules.push_back(line.substr(3));
  }
  return tables;
}

bool IsOurs(const std::string& chain) {
  return IsServiceChain(chain) || chain == kCanary || chain == kHint || chain == kLocalNodePorts;
}

// The chain after -j or -g; "" for a rule without one.
std::string TargetOf(const std::string& rule) {
  for (const std::string_view option : {" -j ", " -g "}) {
    const size_t at = rule.rfind(option);
    if (at == std::string::npos) continue;
    const size_t begin = at + option.size();
    return rule.substr(begin, rule.find(' ', begin) - begin);
  }
  return "";
}

Result<> SwitchRouteLocalnet(char value) {
  std::ofstream file(kRouteLocalnet);
  file << value << std::flush;
  if (!file) return Fail(Reason::kForbidden, std::string(kRouteLocalnet) + ": cannot be written");
  return {};
}

// The text that removes what is ours from a table; "" when there is nothing.
std::string RemovalText(const std::string& name, const SavedTable& table) {
  std::string declared, jumps, deleted;
  for (const std::string& chain : table.chains) {
    if (!IsOurs(chain)) continue;
    declared += ":" + chain + " - [0:0]\n";
    deleted += "-X " + chain + "\n";
  }
  if (declared.empty()) return "";
  for (const std::string& rule : table.rules) {
    const std::string chain = rule.substr(0, rule.find(' '));
    if (!IsOurs(chain) && IsOurs(TargetOf(rule))) jumps += "-D " + rule + "\n";
  }
  return "*" + name + "\n" + declared + jumps + deleted + "COMMIT\n";
}

std::vector<std::string> With(const char* verb, const Jump& jump) {
  std::vector<std::string> arguments = {verb, jump.chain};
  arguments.insert(arguments.end(), jump.rule.begin(), jump.rule.end());
  return arguments;
}

class Iptables final : public Netfilter {
 public:
  Iptables(std::string program, IpFamily family, bool is_nft)
      : program_(std::move(program)), family_(family), is_nft_(is_nft) {}
  std::string name() const override { return program_; }
  size_t restore_rules_max() const override { return is_nft_ ? kNftRulesMax : 0; }
  Result<int> EnsureJumps(const std::vector<Jump>& jumps) override;
  Result<> Restore(const std::string& text) override;
  bool CanaryLives() override;
  Result<> MakeCanary() override;
  Result<RuleSet> OurChains() override;
  Result<> AllowLocalNodePorts() override;
  Result<> RemoveAll() override;
  Result<int> ForgetUdp(const ServiceMap& services, const std::set<std::string>& keys) override {
    return DeleteStaleUdp(services, keys, family_);
  }
  bool OnDeletions(std::function<void()> look) override;
  void StopWatching() override { watch_.reset(); }

 private:
  Result<ProcessOutput> Run(const std::string& table, std::vector<std::string> arguments) {
    std::vector<std::string> argv = {program_, "-w", "5", "-t", table};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return RunProcess({.argv = std::move(argv), .timeout = kTimeout});
  }
  Result<std::map<std::string, SavedTable>> Save() {
    // Naming a table would make the kernel create it.
    const auto saved = TRY(RunChecked(
        {.argv = {program_ + "-save"}, .timeout = kTimeout, .output_bytes_max = kSavedBytesMax}));
    return ParseSaved(saved);
  }
  const std::string program_;
  const IpFamily family_;
  const bool is_nft_;
  std::unique_ptr<NetlinkWatch> watch_;
};

Result<int> Iptables::EnsureJumps(const std::vector<Jump>& jumps) {
  int missing = 0;
  for (const Jump& jump : jumps) {
    const auto present = TRY(Run(jump.table, With("-C", jump)));
    if (present.exit_code == 0) continue;
    (void)TRY(Run(jump.table, {"-N", jump.rule.back()}));  // It may be there already.
    const auto made = TRY(Run(jump.table, With("-I", jump)));
    if (made.exit_code != 0) {
      return Fail(Reason::kInternalError,
                  fmt::format("{} -I {}: {}", program_, jump.chain, made.err));
    }
    ++missing;
  }
  return missing;
}

Result<> Iptables::Restore(const std::string& text) {
  const auto restored =
      TRY(RunProcess({.argv = {program_ + "-restore", "-w", "5", "--noflush", "--counters"},
                      .stdin_text = text,
                      .timeout = kTimeout}));
  if (restored.exit_code == 0) return {};
  return Fail(Reason::kInternalError, program_ + "-restore: " + restored.err);
}

bool Iptables::CanaryLives() {
  for (const char* table : {"mangle", "nat", "filter"}) {
    const auto listed = Run(table, {"-S", kCanary});
    if (!listed || listed->exit_code != 0) return false;
  }
  return true;
}

Result<> Iptables::MakeCanary() {
  const auto make = [&](const char* table, const char* chain) -> Result<> {
    const auto made = TRY(Run(table, {"-N", chain}));
    const bool exists = made.exit_code == 1;
    if (made.exit_code != 0 && !exists) return Fail(Reason::kInternalError, made.err);
    return {};
  };
  for (const char* table : {"mangle", "nat", "filter"}) TRY(make(table, kCanary));
  return make("mangle", kHint);
}

Result<RuleSet> Iptables::OurChains() {
  auto tables = TRY(Save());
  RuleSet set;
  for (const auto& [name, rules] :
       {std::pair<const char*, TableRules*>{"filter", &set.filter}, {"nat", &set.nat}}) {
    for (const std::string& chain : tables[name].chains) {
      if (IsServiceChain(chain)) rules->chains[chain];
    }
  }
  return set;
}

Result<> Iptables::AllowLocalNodePorts() {
  char allowed = 0;
  std::ifstream(kRouteLocalnet) >> allowed;
  if (allowed == '1') return {};
  (void)TRY(Run("nat", {"-N", kLocalNodePorts}));  // It may be there already.
  return SwitchRouteLocalnet('1');
}

Result<> Iptables::RemoveAll() {
  watch_.reset();
  std::string text;
  auto tables = TRY(Save());
  for (const auto& [name, table] : tables) text += RemovalText(name, table);
  if (text.empty()) return {};
  const std::vector<std::string>& chains = tables["nat"].chains;
  if (std::find(chains.begin(), chains.end(), kLocalNodePorts) != chains.end()) {
    TRY(SwitchRouteLocalnet('0'));
  }
  return Restore(text);
}

bool Iptables::OnDeletions(std::function<void()> look) {
  if (!is_nft_) return false;
  auto watch = WatchNftDeletions(std::move(look));
  if (!watch) return false;
  watch_ = std::move(*watch);
  return true;
}

// A program that does not say by its name which flavour it is says so with its version.
bool IsNft(const std::string& program) {
  if (program.ends_with("-nft")) return true;
  if (program.ends_with("-legacy")) return false;
  const auto version = RunChecked({.argv = {program, "--version"}});
  return version && version->find("nf_tables") != std::string::npos;
}

}  // namespace

Result<std::unique_ptr<Netfilter>> OpenIptables(IpFamily family, IptablesFlavour flavour) {
  std::string program = TRY(ChooseIptables(family, flavour));
  const bool is_nft = IsNft(program);
  return std::make_unique<Iptables>(std::move(program), family, is_nft);
}

Result<> CleanupIptables() {
  for (const IpFamily family : {IpFamily::kIpv4, IpFamily::kIpv6}) {
    for (const std::string& program : InstalledIptables(family)) {
      const auto saved = RunProcess({.argv = {program + "-save"}, .output_bytes_max = 0});
      if (!saved || saved->exit_code != 0) continue;
      Iptables iptables(program, family, IsNft(program));
      TRY(iptables.RemoveAll());
    }
  }
  return {};
}

}  // namespace skiff::proxy
