#include "proxy/policy/nft.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <fmt/format.h>

#include "base/netlink_watch.h"
#include "base/process.h"
#include "proxy/policy/policy_plan.h"

namespace skiff::netpol {
namespace {

constexpr char kNotInstalled[] = "nft is not installed";
constexpr char kRefuses[] = "reject with icmpx";  // The end of two chains.
constexpr char kCableRule[] = "fib saddr . iif oif";
constexpr char kTunnelRule[] = "@cluster6 udp dport";  // The end of two chains.
constexpr size_t kListedBytesMax = 256 << 20;
constexpr Duration kNftTimeout = 60s;
constexpr std::string_view kTableName = std::string_view(kPolicyTable).substr(5);  // "inet "

std::string Trimmed(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

Result<> RunNft(const std::string& text) {
  const auto done =
      RunProcess({.argv = {"nft", "-f", "-"}, .stdin_text = text, .timeout = kNftTimeout});
  if (!done) {
    if (done.error().reason != Reason::kNotFound) return Fail(done.error());
    return Fail(Reason::kNotFound, std::string(kNotInstalled) + "; apt-get install nftables");
  }
  if (done->exit_code == 0) return {};
  const bool forbidden = done->err.find("ermitted") != std::string::npos;
  return Fail(forbidden ? Reason::kForbidden : Reason::kInternalError,
              "nft: " + Trimmed(done->err));
}

// Whether the message is of the loss of something that only a stranger takes away: we write the
// base chains once, with the table.
bool IsLoss(const nlmsghdr& message) {
  if (message.nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES) return false;
  const auto text = [&](uint16_t attribute) {
    return NetlinkText(message, sizeof(nfgenmsg), attribute);
  };
  switch (message.nlmsg_type & 0xff) {
    case NFT_MSG_DELTABLE:
      return text(NFTA_TABLE_NAME) == kTableName;
    case NFT_MSG_DELCHAIN:
    case NFT_MSG_DELRULE: {
      const bool is_chain = (message.nlmsg_type & 0xff) == NFT_MSG_DELCHAIN;
      const uint16_t table = is_chain ? +NFTA_CHAIN_TABLE : +NFTA_RULE_TABLE;
      const auto chain = text(is_chain ? +NFTA_CHAIN_NAME : +NFTA_RULE_CHAIN);
      return text(table) == kTableName &&
             (chain == "ingress" || chain == "egress" || chain == "cables" ||
              chain.starts_with("deny-") || chain.starts_with("tunnel-"));
    }
    default:
      return false;
  }
}

class NftProgram final : public Nft {
 public:
  Result<> Load(const std::string& text) override {
    binds_cables_ |= text.find(kCableRule) != text.npos;
    return RunNft(text);
  }
  bool LooksUpRoutes() override {
    const std::string table =
        fmt::format("table inet skiff-probe {{\nchain c {{\ntype filter hook prerouting priority "
                    "raw;\n{} missing drop\n}}\n}}\n",
                    kCableRule);
    const auto checked = RunProcess(
        {.argv = {"nft", "--check", "-f", "-"}, .stdin_text = table, .timeout = kNftTimeout});
    return checked && checked->exit_code == 0;
  }
  bool Intact() override {
    // Whoever flushes leaves no last rule.
    const auto listed = RunProcess(
        {.argv = {"nft", "--terse", "list", "table", "inet", std::string(kTableName)},
         .timeout = kNftTimeout,
         .output_bytes_max = kListedBytesMax});
    if (!listed || listed->exit_code != 0) return false;
    const std::string& rules = listed->out;
    return rules.find("vmap @out6") != rules.npos && rules.find("vmap @in6") != rules.npos &&
           rules.find(kRefuses) != rules.rfind(kRefuses) &&
           rules.find(kTunnelRule) != rules.rfind(kTunnelRule) &&
           (!binds_cables_ || rules.find(kCableRule) != rules.rfind(kCableRule));
  }
  Result<> Remove() override {
    return RunNft(fmt::format("table {0} {{ }}\ndelete table {0}\n", kPolicyTable));
  }
  bool OnDeletions(std::function<void()> look) override {
    auto watch = NetlinkWatch::Start({.protocol = NETLINK_NETFILTER,
                                      .groups = {NFNLGRP_NFTABLES},
                                      .matters = IsLoss,
                                      .changed = std::move(look)});
    if (!watch) return false;
    watch_ = std::move(*watch);
    return true;
  }
  void StopWatching() override { watch_.reset(); }

 private:
  std::unique_ptr<NetlinkWatch> watch_;
  bool binds_cables_ = false;  // Of two families.
};

bool IsThere() {
  const auto listed = RunProcess(
      {.argv = {"nft", "list", "table", "inet", std::string(kTableName)}, .output_bytes_max = 0});
  return listed && listed->exit_code == 0;
}

}  // namespace

std::unique_ptr<Nft> OpenNft() {
  return std::make_unique<NftProgram>();
}

std::string NftTrouble() {
  if (!FindProgram("nft")) return kNotInstalled;
  const auto listed = RunProcess({.argv = {"nft", "list", "tables"}, .timeout = kNftTimeout});
  if (!listed) return listed.error().message;
  return listed->exit_code == 0 ? "" : "nft does not work here: " + Trimmed(listed->err);
}

Result<> CleanupPolicies() {
  // Without the program, or a kernel for it, there has never been a table.
  if (!IsThere()) return {};
  return OpenNft()->Remove();
}

std::string ClosedTable(const std::vector<std::string>& ranges) {
  std::string rules[2];  // For who comes in, and who goes out.
  for (const std::string& range : ranges) {
    const char* family = range.find(':') == range.npos ? "ip" : "ip6";
    rules[0] += fmt::format("\t\tct state new {} daddr {} drop\n", family, range);
    rules[1] += fmt::format("\t\tct state new {} saddr {} drop\n", family, range);
  }
  std::string text = fmt::format(
      "table {0} {{ }}\ndelete table {0}\ntable {0} {{\n"
      "\tcomment \"until NetworkPolicies are read; written by skiff\"\n",
      kPolicyTable);
  int priority = 10;
  for (const auto& [chain, lines] :
       {std::pair("egress", &rules[1]), std::pair("ingress", &rules[0])}) {
    text += fmt::format(
        "\tchain {} {{\n"
        "\t\ttype filter hook forward priority filter + {}; policy accept;\n{}\t}}\n",
        chain, priority++, *lines);
  }
  return text + "}\n";
}

Result<> CloseUntilRead(const std::vector<std::string>& ranges) {
  if (ranges.empty() || IsThere()) return {};
  return RunNft(ClosedTable(ranges));
}

}  // namespace skiff::netpol
