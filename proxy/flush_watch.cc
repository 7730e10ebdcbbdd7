#include "proxy/flush_watch.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <array>

namespace skiff::proxy {
namespace {

// Chains whose rules are not ours alone, where only our jumps matter.
constexpr std::array<std::string_view, 5> kBuiltIn = {"INPUT", "FORWARD", "OUTPUT", "PREROUTING",
                                                      "POSTROUTING"};

bool Matters(const nlmsghdr& message) {
  if (message.nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES) return false;
  switch (message.nlmsg_type & 0xff) {
    case NFT_MSG_DELTABLE:
      return true;
    case NFT_MSG_DELCHAIN: {
      const auto chain = NetlinkText(message, sizeof(nfgenmsg), NFTA_CHAIN_NAME);
      return chain == "KUBE-PROXY-CANARY" || chain == "KUBE-SERVICES";
    }
    case NFT_MSG_DELRULE: {
      const auto chain = NetlinkText(message, sizeof(nfgenmsg), NFTA_RULE_CHAIN);
      return std::find(kBuiltIn.begin(), kBuiltIn.end(), chain) != kBuiltIn.end();
    }
    default:
      return false;
  }
}

}  // namespace

Result<std::unique_ptr<NetlinkWatch>> WatchNftDeletions(std::function<void()> deleted) {
  return NetlinkWatch::Start({.protocol = NETLINK_NETFILTER,
                              .groups = {NFNLGRP_NFTABLES},
                              .matters = Matters,
                              .changed = std::move(deleted)});
}

}  // namespace skiff::proxy
