#include "skiff/chaos/plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff::chaos {
namespace {

bool IsV6(const std::string& address) {
  return address.find(':') != std::string::npos;
}

std::vector<std::string> OfFamily(const std::vector<std::string>& addresses, bool v6) {
  std::vector<std::string> chosen;
  for (const std::string& address : addresses) {
    if (IsV6(address) == v6) chosen.push_back(address);
  }
  return chosen;
}

std::string InNetworkOf(const ProcessId& holder) {
  return fmt::format("--net=/proc/{}/ns/net", holder.pid);
}

// What is dropped in one chain: all of the device, or what comes from or goes to those addresses.
std::string DropRules(const std::optional<Place>& peer, const std::string& address_word) {
  const std::string begin = "    meta protocol @on ";
  if (!peer) return begin + "counter drop\n";
  std::string rules;
  for (const bool v6 : {false, true}) {
    const auto addresses = OfFamily(peer->addresses, v6);
    if (addresses.empty()) continue;
    rules += fmt::format("{}{} {} {{ {} }} counter drop\n", begin, v6 ? "ip6" : "ip", address_word,
                         fmt::join(addresses, ", "));
  }
  return rules;
}

// At the device itself, as if packets were lost on the wire: who sends them is not told, as it
// would be where the IP layer drops them.
std::string PartitionTable(const std::string& name, Duration length, Direction direction,
                           const Place& at, const std::optional<Place>& peer) {
  const auto milliseconds = length / 1ms;
  std::string text = fmt::format(
      "table netdev {} {{\n"
      "  set on {{\n"
      "    type ether_type\n"
      "    flags timeout\n"
      "    elements = {{ ip timeout {}ms, ip6 timeout {}ms }}\n"
      "  }}\n",
      name, milliseconds, milliseconds);
  const auto chain = [&](const char* chain_name, const char* hook, const char* address_word) {
    text += fmt::format(
        "  chain {} {{\n    type filter hook {} device \"{}\" priority 0; policy accept;\n{}  }}\n",
        chain_name, hook, at.device, DropRules(peer, address_word));
  };
  if (direction != Direction::kOut) chain("in", "ingress", "saddr");
  if (direction != Direction::kIn) chain("out", "egress", "daddr");
  return text + "}\n";
}

Direction Reversed(Direction direction) {
  return direction == Direction::kOut  ? Direction::kIn
         : direction == Direction::kIn ? Direction::kOut
                                       : Direction::kBoth;
}

void PlanPartition(const Request& request, const std::string& id, const Place& target,
                   const std::optional<Place>& peer, Plan& plan) {
  const std::string table = "skiff-chaos-" + id;
  const auto cut = [&](const Place& at, const std::optional<Place>& from, Direction direction) {
    if (!CanHoldRules(at)) return;
    const std::vector<std::string> nft = {"nsenter", InNetworkOf(at.holder), "nft", "-f", "-"};
    plan.begin.push_back({nft, PartitionTable(table, request.length, direction, at, from), "",
                          at.holder});
    // The first line makes the second one succeed where there is no such table any more.
    plan.end.push_back(
        {nft, fmt::format("table netdev {0} {{ }}\ndelete table netdev {0}\n", table), "",
         at.holder});
  };
  cut(target, peer, request.direction);
  if (peer) cut(*peer, target, Reversed(request.direction));
}

int QueueOf(const std::string& id) {
  unsigned sum = 0;
  for (const char c : id) sum = sum * 31 + static_cast<unsigned char>(c);
  return static_cast<int>(20000 + sum % 40000);
}

void PlanNetem(const Request& request, const std::string& id, const Place& target,
               const std::optional<Place>& peer, Plan& plan) {
  plan.hold.queue = QueueOf(id);
  plan.hold.impairment = request.impairment;
  plan.hold.queued_by = target.holder;
  const auto rule = [&](bool v6, const char* verb, const std::string& to) {
    std::vector<std::string> argv = {"nsenter", InNetworkOf(target.holder),
                                     v6 ? "ip6tables-nft" : "iptables-nft", "--wait", "--table",
                                     "mangle", verb, "POSTROUTING", "--out-interface",
                                     target.device};
    if (!to.empty()) argv.insert(argv.end(), {"--destination", to});
    argv.insert(argv.end(), {"--match", "mark", "!", "--mark", kOwnMark, "--match", "comment",
                             "--comment", "skiff-chaos-" + id, "--jump", "NFQUEUE", "--queue-num",
                             std::to_string(plan.hold.queue), "--queue-bypass"});
    return argv;
  };
  const auto lead = [&](bool v6, const std::string& to) {
    plan.begin.push_back({rule(v6, "--append", to), "", "", target.holder});
    plan.end.push_back(
        {rule(v6, "--delete", to), "", "does a matching rule exist", target.holder});
  };
  for (const bool v6 : {false, true}) {
    if (OfFamily(target.addresses, v6).empty()) continue;
    if (!peer) lead(v6, "");
    if (!peer) continue;
    for (const std::string& address : OfFamily(peer->addresses, v6)) lead(v6, address);
  }
}

}  // namespace

bool CanHoldRules(const Place& place) {
  return place.is_here && !place.has_hosts_network && !place.shares_nodes_network;
}

Plan MakePlan(const Request& request, const std::string& id, const Place& target,
              const std::optional<Place>& peer, Duration ends) {
  Plan plan;
  switch (request.fault) {
    case Fault::kNetem: PlanNetem(request, id, target, peer, plan); break;
    case Fault::kPartition: PlanPartition(request, id, target, peer, plan); break;
    case Fault::kPause: plan.hold.frozen = target.groups; break;
    case Fault::kDisk:
      plan.hold.filled = target.directory;
      plan.hold.filled_by = target.holder;
      break;
    case Fault::kKill:
      if (target.docker.empty()) break;
      plan.begin.push_back({{"docker", "kill", target.docker}, "", "", {}});
      plan.end.push_back({{"docker", "start", target.docker}, "", "No such container", {}});
      plan.stays = true;
      break;
    case Fault::kClock:
      if (request.target.is_node) {
        plan.hold.clock_of = request.target.name;
        plan.hold.clock_directory = target.directory;
        if (!target.docker.empty()) plan.hold.clock_seen_by = target.holder;
      } else {
        plan.hold.clocks = target.groups;
      }
      plan.hold.clock = {.offset = request.offset,
                         .drift_ppm = request.drift_ppm,
                         .begins = ends - request.length,
                         .ends = ends};
      break;
  }
  return plan;
}

}  // namespace skiff::chaos
