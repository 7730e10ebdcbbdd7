#include "kubelet/network/node_routes.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <tuple>

#include "api/rules/core/ip.h"
#include "kubelet/network/node_route_kernel.h"

namespace skiff {
namespace {

using core_v1::Node;

// How CNI calls the machine's ends of pods' cables, which come and go all the time.
constexpr std::string_view kCable = "veth";

// Whether a message is about something that routes between nodes hang on.
bool Matters(const nlmsghdr& message) {
  switch (message.nlmsg_type) {
    case RTM_DELROUTE:
      return reinterpret_cast<const rtmsg*>(NLMSG_DATA(&message))->rtm_protocol == kRouteProtocol;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return !NetlinkText(message, sizeof(ifaddrmsg), IFA_LABEL).starts_with(kCable);
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return !NetlinkText(message, sizeof(ifinfomsg), IFLA_IFNAME).starts_with(kCable);
    default:
      return false;
  }
}

}  // namespace

std::vector<RoutedNode> RoutedNodes(const std::vector<Ptr<Node>>& nodes) {
  std::vector<Ptr<Node>> sorted;
  for (const auto& node : nodes) {
    if (!node->metadata.deletion_timestamp) sorted.push_back(node);
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::tie(a->metadata.creation_timestamp, a->metadata.name) <
           std::tie(b->metadata.creation_timestamp, b->metadata.name);
  });
  std::vector<RoutedNode> routed;
  for (const auto& node : sorted) {
    RoutedNode& out = routed.emplace_back();
    out.name = node->metadata.name;
    for (const auto& address : node->status.addresses) {
      if (address.type != "InternalIP") continue;
      // The kernel is told what Kubernetes reads there. A node says it of itself, and with text
      // that is no address it would keep all others from their routes.
      if (const auto ip = ParseIp(address.address)) out.addresses.push_back(ip->Text());
    }
    out.pod_cidrs = node->spec.pod_cidrs;
    if (out.pod_cidrs.empty() && !node->spec.pod_cidr.empty()) {
      out.pod_cidrs = {node->spec.pod_cidr};
    }
    for (std::string& cidr : out.pod_cidrs) {
      if (const auto parsed = ParseCidr(cidr)) cidr = parsed->Text();
    }
    const auto mac = node->metadata.annotations.find(kTunnelMacAnnotation);
    if (mac != node->metadata.annotations.end()) out.tunnel_mac = mac->second;
  }
  return routed;
}

NodeRouteLoop::NodeRouteLoop(Dependencies dependencies, NodeRouteOptions options)
    : dependencies_(std::move(dependencies)), options_(std::move(options)) {
  dependencies_.nodes.OnChange([this](const auto& before, const auto& now) {
    // Heartbeats change nothing here.
    if (before && now && RoutedNodes({before}) == RoutedNodes({now})) return;
    Wake();
  });
  dependencies_.nodes.cache().OnSynced([this] { Wake(); });
}

Duration NodeRouteLoop::Step() {
  if (!dependencies_.nodes.synced()) return kNever;
  const Duration now = dependencies_.clock.Monotonic();
  if (now < not_before_) return not_before_ - now;
  not_before_ = now + kPause;
  StartWatch();
  const auto plan = Apply();
  std::vector<std::string> problems;
  if (plan) {
    problems = plan->problems;
  } else {
    problems = {plan.error().message};
  }
  const auto announced = Announce();
  if (!announced) problems.push_back(announced.error().message);
  Report(problems, now);
  settled_ = plan && announced;
  const Duration pause = !settled_ ? kRetryPeriod : watch_ ? kNever : kCheckPeriod;
  return std::min(pause, problems_.UntilDue(now));
}

Result<NodeRoutePlan> NodeRouteLoop::Apply() {
  const auto links = TRY(ReadLinkAddresses());
  const auto nodes = RoutedNodes(dependencies_.nodes.List());
  NodeRoutePlan plan = PlanNodeRoutes(nodes, links, options_);
  const bool has_place = std::any_of(nodes.begin(), nodes.end(), [&](const RoutedNode& node) {
    return node.name == options_.node_name && !node.pod_cidrs.empty() && !node.addresses.empty();
  });
  if (has_place) TellMtu(plan.pod_mtu);
  // Without a link of its own the machine is being set up, or its network is down: what is there
  // stays as it is.
  if (plan.pod_mtu == 0) return plan;
  const NodeRoutes have = TRY(ReadNodeRoutes(options_.tunnel));
  const NodeRouteChanges changes = DiffNodeRoutes(plan.wanted, have);
  if (changes.empty()) return plan;
  TRY(ApplyNodeRoutes(changes, plan.wanted, have, options_.tunnel));
  log_.Info("routes to other nodes written", {{"set", changes.set_routes.size()},
                                              {"removed", changes.remove_routes.size()},
                                              {"nodes", plan.wanted.routes.size()}});
  return plan;
}

void NodeRouteLoop::TellMtu(int mtu) {
  const bool is_lost = mtu == 0 && pod_mtu_ > 0;
  if (mtu == pod_mtu_ || is_lost) return;
  pod_mtu_ = mtu;
  if (dependencies_.on_pod_mtu) dependencies_.on_pod_mtu(mtu);
}

Result<> NodeRouteLoop::Announce() {
  if (options_.mode == OverlayMode::kHostGateway) return {};
  const auto own = dependencies_.nodes.Get({"", options_.node_name});
  if (!own) return {};
  const std::string mac = TunnelMac(options_.node_name);
  const auto said = own->metadata.annotations.find(kTunnelMacAnnotation);
  if (said != own->metadata.annotations.end() && said->second == mac) return {};
  TRY(dependencies_.client.Patch(
      *own, [&](Node& node) { node.metadata.annotations[kTunnelMacAnnotation] = mac; }));
  return {};
}

void NodeRouteLoop::Report(const std::vector<std::string>& problems, Duration now) {
  for (const std::string& problem : problems_.Note(problems, now)) {
    log_.Error("no route to some pods", {{"error", problem}});
    const auto own = dependencies_.nodes.Get({"", options_.node_name});
    if (own && dependencies_.events != nullptr) {
      dependencies_.events->Warning(*own, "FailedToCreateRoute", problem);
    }
  }
}

void NodeRouteLoop::StartWatch() {
  if (tried_watch_) return;
  tried_watch_ = true;
  auto watch = NetlinkWatch::Start({.protocol = NETLINK_ROUTE,
                                    .groups = {RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
                                               RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR},
                                    .matters = Matters,
                                    .changed = [this] { Wake(); }});
  if (watch) watch_ = std::move(*watch);
}

}  // namespace skiff
