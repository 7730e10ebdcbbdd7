#include "kubelet/network/node_route_plan.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <iterator>
#include <optional>

#include "base/hash.h"

namespace skiff {
namespace {

constexpr int kEthernetMtu = 1500;
constexpr int kOverheadIpv4 = 50;  // IPv4 20, UDP 8, VXLAN 8, Ethernet 14.
constexpr int kOverheadIpv6 = 70;

// An address range; IPv4 in the first four bytes.
struct Prefix {
  int family = AF_INET;
  std::array<unsigned char, 16> bytes = {};
  int length = 0;

  static std::optional<Prefix> Parse(const std::string& text) {
    const size_t slash = text.find('/');
    Prefix prefix;
    prefix.family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
    const int bits = prefix.family == AF_INET ? 32 : 128;
    if (inet_pton(prefix.family, text.substr(0, slash).c_str(), prefix.bytes.data()) != 1) {
      return std::nullopt;
    }
    prefix.length = bits;
    if (slash != std::string::npos) {
      const char* end = text.data() + text.size();
      const auto [at, error] = std::from_chars(text.data() + slash + 1, end, prefix.length);
      if (error != std::errc() || at != end || prefix.length < 0 || prefix.length > bits) {
        return std::nullopt;
      }
    }
    prefix.Mask();
    return prefix;
  }
  bool Overlaps(const Prefix& other) const {
    if (family != other.family) return false;
    Prefix shorter = length < other.length ? *this : other;
    Prefix longer = length < other.length ? other : *this;
    longer.length = shorter.length;
    longer.Mask();
    return longer.bytes == shorter.bytes;
  }
  std::string First() const {
    std::array<char, INET6_ADDRSTRLEN> text = {};
    inet_ntop(family, bytes.data(), text.data(), text.size());
    return text.data();
  }
  std::string Text() const { return First() + "/" + std::to_string(length); }

 private:
  void Mask() {
    for (int bit = length; bit < 128; ++bit) {
      bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] & ~(0x80 >> (bit % 8)));
    }
  }
};

int FamilyOf(const std::string& address) {
  return address.find(':') == std::string::npos ? AF_INET : AF_INET6;
}

std::string AddressOf(const RoutedNode& node, int family) {
  for (const std::string& address : node.addresses) {
    if (FamilyOf(address) == family) return address;
  }
  return "";
}

class Planner {
 public:
  Planner(const std::vector<LinkAddress>& links, const NodeRouteOptions& options)
      : links_(links), options_(options) {}

  NodeRoutePlan Plan(const std::vector<RoutedNode>& nodes) {
    const RoutedNode* own = nullptr;
    for (const RoutedNode& node : nodes) {
      if (node.name == options_.node_name) own = &node;
    }
    if (own == nullptr || own->pod_cidrs.empty() || !FindUplink(*own)) return std::move(plan_);
    for (const std::string& cidr : options_.reserved_cidrs) {
      if (const auto prefix = Prefix::Parse(cidr)) used_.emplace_back(*prefix, "services");
    }
    for (const LinkAddress& address : links_) ReserveLink(address, *own);
    // Nothing can take its pods from this machine; of others the older one is heard first.
    Claim(*own);
    for (const RoutedNode& node : nodes) {
      if (&node != own) Claim(node);
    }
    for (const auto& [node, prefixes] : claimed_) {
      for (const Prefix& prefix : prefixes) {
        if (node == own) {
          plan_.wanted.unreachable.insert(prefix.Text());
        } else {
          AddRoute(*node, prefix);
        }
      }
    }
    if (plan_.wanted.has_tunnel) MakeTunnel(*own);
    return std::move(plan_);
  }

 private:
  // The link that has the node's primary address.
  bool FindUplink(const RoutedNode& own) {
    for (const std::string& address : own.addresses) {
      for (const LinkAddress& candidate : links_) {
        if (candidate.ip != address) continue;
        uplink_ = &candidate;
        // A machine on its own has its loopback for an address, with packets longer than any
        // link's.
        plan_.pod_mtu = candidate.link == "lo" ? kEthernetMtu : candidate.mtu;
        return true;
      }
    }
    if (!own.addresses.empty()) {
      Problem("no link of this machine has its node's address {}", own.addresses[0]);
    }
    return false;
  }

  // The networks that this machine is in. Its ends of its own pods' cables are in its own pod CIDR,
  // and the tunnel too.
  void ReserveLink(const LinkAddress& address, const RoutedNode& own) {
    const auto prefix = Prefix::Parse(fmt::format("{}/{}", address.ip, address.prefix_length));
    if (!prefix || address.link == options_.tunnel || address.link == "lo") return;
    for (const std::string& cidr : own.pod_cidrs) {
      const auto pods = Prefix::Parse(cidr);
      if (pods && pods->Overlaps(*prefix) && pods->length <= prefix->length) return;
    }
    used_.emplace_back(*prefix, "the network of link " + address.link);
  }

  void Claim(const RoutedNode& node) {
    std::vector<Prefix> prefixes;
    for (const std::string& cidr : node.pod_cidrs) {
      const auto prefix = Prefix::Parse(cidr);
      if (!prefix) {
        Problem("pod CIDR {} of node {} cannot be read", cidr, node.name);
        continue;
      }
      const std::string fault = node.name == options_.node_name ? "" : NoPodCidr(*prefix);
      if (!fault.empty()) {
        Problem("pod CIDR {} of node {} {}: its pods are not reached from here", cidr, node.name,
                fault);
        continue;
      }
      const std::string* holder = nullptr;
      for (const auto& [used, by] : used_) {
        if (used.Overlaps(*prefix)) holder = &by;
      }
      if (holder != nullptr) {
        Problem(
            "pod CIDR {} of node {} overlaps {}: its pods are not reached from here; give the "
            "node another one (delete its Node object and start its kubelet again)",
            cidr, node.name, *holder);
        continue;
      }
      prefixes.push_back(*prefix);
    }
    for (const Prefix& prefix : prefixes) {
      used_.emplace_back(prefix, fmt::format("pod CIDR {} of node {}", prefix.Text(), node.name));
    }
    claimed_.emplace_back(&node, std::move(prefixes));
  }

  // Why another node cannot have these addresses for its pods, whoever has them; "": it can.
  std::string NoPodCidr(const Prefix& wanted) const {
    bool is_inside = options_.cluster_cidrs.empty();
    for (const std::string& cidr : options_.cluster_cidrs) {
      const auto range = Prefix::Parse(cidr);
      is_inside |= range && range->Overlaps(wanted) && range->length <= wanted.length;
    }
    if (!is_inside) return "is not in the cluster CIDR (--cluster-cidr)";
    // This node's own are the first that were claimed.
    for (const Prefix& own : claimed_.front().second) {
      if (own.family == wanted.family && wanted.length + kLargerCidrBitsMax < own.length) {
        return "is far larger than that of this node";
      }
    }
    return "";
  }

  // The link through which an address is reached without a router; nullptr for none.
  const LinkAddress* LinkTo(const std::string& address) const {
    const auto wanted = Prefix::Parse(address);
    for (const LinkAddress& candidate : links_) {
      const auto network =
          Prefix::Parse(fmt::format("{}/{}", candidate.ip, candidate.prefix_length));
      if (candidate.link == "lo") continue;
      const bool is_host = network && network->length == (network->family == AF_INET ? 32 : 128);
      if (network && wanted && !is_host && network->Overlaps(*wanted)) return &candidate;
    }
    return nullptr;
  }

  void AddRoute(const RoutedNode& node, const Prefix& prefix) {
    if (node.addresses.empty()) return;  // Its kubelet has not reported yet.
    const std::string gateway = AddressOf(node, prefix.family);
    const LinkAddress* link = gateway.empty() ? nullptr : LinkTo(gateway);
    if (options_.mode != OverlayMode::kVxlan && link != nullptr) {
      plan_.wanted.routes[prefix.Text()] = {prefix.Text(), gateway, link->link, false};
      return;
    }
    if (options_.mode == OverlayMode::kHostGateway) {
      Problem(
          "node {} is on no link of this machine and VXLAN is off: routers must know its pod "
          "CIDR {}",
          node.name, prefix.Text());
      return;
    }
    const std::string remote = AddressOf(node, FamilyOf(uplink_->ip));
    if (remote.empty()) {
      Problem("node {} has no address of the family of {}, from which its tunnel would start",
              node.name, uplink_->ip);
      return;
    }
    // Even before the other end is ready: pods started now shall fit.
    plan_.wanted.has_tunnel = true;
    if (node.tunnel_mac.empty()) return;
    // The node says it of itself: another one's would lead that one's packets here or there.
    if (node.tunnel_mac != TunnelMac(node.name)) {
      Problem("node {} says that its end of the tunnel is {}, which cannot be", node.name,
              node.tunnel_mac);
      return;
    }
    const std::string end = prefix.First();
    plan_.wanted.routes[prefix.Text()] = {prefix.Text(), end, options_.tunnel, true};
    plan_.wanted.neighbours[end] = node.tunnel_mac;
    plan_.wanted.forwarding[node.tunnel_mac] = remote;
  }

  void MakeTunnel(const RoutedNode& own) {
    const int overhead = FamilyOf(uplink_->ip) == AF_INET ? kOverheadIpv4 : kOverheadIpv6;
    plan_.pod_mtu -= overhead;
    Tunnel& tunnel = plan_.wanted.tunnel;
    tunnel = {.id = options_.tunnel_id,
              .port = options_.tunnel_port,
              .underlay_index = uplink_->index,
              .mtu = plan_.pod_mtu,
              .local = uplink_->ip,
              .mac = TunnelMac(own.name)};
    for (const std::string& cidr : own.pod_cidrs) {
      const auto prefix = Prefix::Parse(cidr);
      if (!prefix) continue;
      tunnel.own_prefixes.insert(prefix->First() + (prefix->family == AF_INET ? "/32" : "/128"));
    }
  }

  template <typename... Arguments>
  void Problem(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    plan_.problems.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  const std::vector<LinkAddress>& links_;
  const NodeRouteOptions& options_;
  const LinkAddress* uplink_ = nullptr;
  std::vector<std::pair<Prefix, std::string>> used_;  // And by whom.
  std::vector<std::pair<const RoutedNode*, std::vector<Prefix>>> claimed_;
  NodeRoutePlan plan_;
};

// What is in `a` and not in `b`.
std::vector<std::string> Missing(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::vector<std::string> missing;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(missing));
  return missing;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// The same of entries with their values.
Pairs Missing(const std::map<std::string, std::string>& a,
              const std::map<std::string, std::string>& b) {
  Pairs missing;
  for (const auto& entry : a) {
    const auto other = b.find(entry.first);
    if (other == b.end() || other->second != entry.second) missing.push_back(entry);
  }
  return missing;
}

// What is in `a` under a key that `b` does not have.
Pairs Gone(const std::map<std::string, std::string>& a,
           const std::map<std::string, std::string>& b) {
  Pairs gone;
  for (const auto& entry : a) {
    if (!b.contains(entry.first)) gone.push_back(entry);
  }
  return gone;
}

bool SameDevice(const Tunnel& a, const Tunnel& b) {
  return a.id == b.id && a.port == b.port && a.underlay_index == b.underlay_index &&
         a.mtu == b.mtu && a.local == b.local && a.mac == b.mac;
}

}  // namespace

NodeRoutePlan PlanNodeRoutes(const std::vector<RoutedNode>& nodes,
                             const std::vector<LinkAddress>& links,
                             const NodeRouteOptions& options) {
  return Planner(links, options).Plan(nodes);
}

std::string TunnelMac(const std::string& node_name) {
  const std::string digest = Sha256("tunnel of " + node_name);
  std::string mac = "0e";  // Locally administered, of one machine.
  for (int i = 0; i < 5; ++i) mac += fmt::format(":{:02x}", static_cast<unsigned char>(digest[i]));
  return mac;
}

bool NodeRouteChanges::empty() const {
  return !delete_tunnel && !create_tunnel && remove_own_prefixes.empty() &&
         add_own_prefixes.empty() && remove_routes.empty() && remove_unreachable.empty() &&
         add_unreachable.empty() && remove_neighbours.empty() && remove_forwarding.empty() &&
         set_neighbours.empty() && set_forwarding.empty() && set_routes.empty();
}

NodeRouteChanges DiffNodeRoutes(const NodeRoutes& wanted, const NodeRoutes& have) {
  NodeRouteChanges changes;
  NodeRoutes rest = have;  // After the tunnel, and all on it, has gone if it must.
  const bool keeps = have.has_tunnel && wanted.has_tunnel && SameDevice(wanted.tunnel, have.tunnel);
  changes.delete_tunnel = have.has_tunnel && !keeps;
  changes.create_tunnel = wanted.has_tunnel && !keeps;
  if (changes.delete_tunnel) {
    rest.neighbours.clear();
    rest.forwarding.clear();
    rest.tunnel.own_prefixes.clear();
    std::erase_if(rest.routes, [](const auto& entry) { return entry.second.on_link; });
  }
  changes.remove_own_prefixes = Missing(rest.tunnel.own_prefixes, wanted.tunnel.own_prefixes);
  changes.add_own_prefixes = Missing(wanted.tunnel.own_prefixes, rest.tunnel.own_prefixes);
  changes.remove_unreachable = Missing(rest.unreachable, wanted.unreachable);
  changes.add_unreachable = Missing(wanted.unreachable, rest.unreachable);
  for (const auto& [cidr, route] : rest.routes) {
    if (!wanted.routes.contains(cidr)) changes.remove_routes.push_back(route);
  }
  for (const auto& [cidr, route] : wanted.routes) {
    const auto there = rest.routes.find(cidr);
    if (there == rest.routes.end() || there->second != route) changes.set_routes.push_back(route);
  }
  changes.remove_neighbours = Gone(rest.neighbours, wanted.neighbours);
  changes.remove_forwarding = Gone(rest.forwarding, wanted.forwarding);
  changes.set_neighbours = Missing(wanted.neighbours, rest.neighbours);
  changes.set_forwarding = Missing(wanted.forwarding, rest.forwarding);
  return changes;
}

}  // namespace skiff
