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
             (chain == "ingress" || chain == "egress" || chain.starts_with("deny-"));
    }
    default:
      return false;
  }
}

class NftProgram final : public Nft {
 public:
  Result<> Load(const std::string& text) override { return RunNft(text); }
  bool Intact() override {
    // Whoever flushes leaves no last rule.
    const auto listed = RunProcess(
        {.argv = {"nft", "--terse", "list", "table", "inet", std::string(kTableName)},
         .timeout = kNftTimeout,
         .output_bytes_max = kListedBytesMax});
    if (!listed || listed->exit_code != 0) return false;
    const std::string& rules = listed->out;
    return rules.find("vmap @out6") != rules.npos && rules.find("vmap @in6") != rules.npos &&
           rules.find(kRefuses) != rules.rfind(kRefuses);
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
};

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
  const auto listed = RunProcess(
      {.argv = {"nft", "list", "table", "inet", std::string(kTableName)}, .output_bytes_max = 0});
  if (!listed || listed->exit_code != 0) return {};
  return OpenNft()->Remove();
}

}  // namespace skiff::netpol
