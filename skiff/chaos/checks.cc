#include "skiff/chaos/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/certificates.h"

namespace skiff::chaos {
namespace {

bool IsOfNetwork(const Request& request) {
  return request.fault == Fault::kNetem || request.fault == Fault::kPartition;
}

Result<> CheckPrograms(const Request& request, const World& world) {
  for (const NeededProgram& program : ProgramsFor(request)) {
    if (world.programs.contains(program.name)) continue;
    return Fail(Reason::kNotFound,
                fmt::format("{}: no such program; install it (Debian: apt-get install {})",
                            program.name, program.package));
  }
  return {};
}

// By which the like of a fault happens to what is simulated.
std::string LikeIt(Fault fault, const Target& target) {
  const bool is_silence =
      fault == Fault::kKill || fault == Fault::kPause || fault == Fault::kPartition;
  if (target.is_node && is_silence) {
    return fmt::format(
        "`skiff annotate node {0} simulation.skiff.io/heartbeat-stops-after=0s` has it fall "
        "silent, `skiff annotate node {0} simulation.skiff.io/heartbeat-stops-after-` brings it "
        "back",
        target.name);
  }
  const std::string annotations =
      fmt::format("nnotations say how simulated {} fail", target.is_node ? "nodes" : "pods");
  if (target.is_node || fault != Fault::kKill) return "A" + annotations;
  return fmt::format("`skiff delete pod {}{}` ends it, and a{}", target.name,
                     target.namespace_ == "default" ? "" : " -n " + target.namespace_, annotations);
}

Result<> CheckIsReal(Fault fault, const Place& place) {
  if (!place.is_simulated) return {};
  return Fail(Reason::kInvalid,
              fmt::format("{} is simulated: it has neither a network nor processes of its own. {} "
                          "(docs/simulated.md)",
                          place.target.Text(), LikeIt(fault, place.target)));
}

Result<> CheckIsHere(const Place& place) {
  if (place.is_here) return {};
  return Fail(Reason::kNotFound, place.target.Text() + " " + place.elsewhere);
}

Result<> CheckIsNotSharing(const Place& place) {
  if (!place.shares_nodes_network) return {};
  return Fail(Reason::kForbidden,
              place.target.Text() +
                  " lives in its node's network (hostNetwork), which its faults "
                  "would be those of; name the node, or another pod");
}

Error HostsNetwork(const Place& place) {
  return {Reason::kForbidden,
          fmt::format("the network of {} is this machine's own, which a fault would cut off; give "
                      "the cluster machines of its own (`skiff up --docker --nodes=3`), or name a "
                      "pod",
                      place.target.Text())};
}

Result<> CheckNetwork(const Request& request, const World& world) {
  const Place& target = world.target;
  TRY(CheckIsNotSharing(target));
  if (world.peer) TRY(CheckIsNotSharing(*world.peer));
  const bool at_peer =
      request.fault == Fault::kPartition && world.peer && CanHoldRules(*world.peer);
  if (at_peer) return {};
  TRY(CheckIsHere(target));
  if (target.has_hosts_network) {
    Error error = HostsNetwork(target);
    if (request.peer && request.fault == Fault::kNetem) {
      error.message +=
          fmt::format("; what {} sends can be held up: netem {} {}", request.peer->Text(),
                      request.peer->Text(), target.target.Text());
    }
    return Fail(error);
  }
  if (target.has_callers_network && !world.peer) {
    return Fail(
        Reason::kForbidden,
        fmt::format("{0} is the machine that this runs on, which would be {1} as a whole; "
                    "say {2} whom: {3} {0} node/OTHER",
                    target.target.Text(), request.fault == Fault::kNetem ? "held up" : "cut off",
                    request.fault == Fault::kNetem ? "towards" : "from", FaultWord(request.fault)));
  }
  return {};
}

Result<> CheckAddresses(const World& world) {
  const auto check = [](const Place& place) -> Result<> {
    const bool lacks_device = CanHoldRules(place) && place.device.empty();
    if (!place.addresses.empty() && !lacks_device) return {};
    return Fail(Reason::kConflict,
                place.target.Text() + " has no address yet; wait until it is running");
  };
  TRY(check(world.target));
  return world.peer ? check(*world.peer) : Result<>();
}

Result<> CheckMachine(const Request& request, const World& world) {
  const Place& target = world.target;
  if (!target.target.is_node || !target.docker.empty()) return CheckIsHere(target);
  const std::string why =
      target.is_here ? "is the machine that this runs on, and nobody would be left to undo it"
                     : "is no container of a Docker engine on this machine";
  return Fail(
      Reason::kForbidden,
      fmt::format("{} {}; nodes that are containers can be {}, where their engine is (`skiff up "
                  "--docker --nodes=3`)",
                  target.target.Text(), why, request.fault == Fault::kKill ? "killed" : "paused"));
}

Result<> CheckDisk(const World& world) {
  TRY(CheckIsHere(world.target));
  const std::string text = world.target.target.Text();
  const std::string& directory = world.target.directory;
  if (!world.disk) {
    return Fail(Reason::kNotFound, fmt::format("{}: {} cannot be looked at", text, directory));
  }
  const DiskFact& disk = *world.disk;
  if (!disk.is_mount || disk.mount_root != "/" || disk.is_machines_own) {
    return Fail(Reason::kForbidden,
                fmt::format("{}: {} lies on a disk that others have data on, which would be full "
                            "as well; give {}",
                            text, directory,
                            world.target.target.is_node
                                ? "the node a disk of its own (a mount at its --data-dir)"
                                : "the volume a size of its own (emptyDir: {medium: Memory, "
                                  "sizeLimit: 64Mi})"));
  }
  const int64_t bytes_max = disk.is_memory ? kFilledMemoryMax : kFilledDiskMax;
  if (disk.free_bytes <= bytes_max) return {};
  return Fail(Reason::kForbidden,
              fmt::format("{}: {} has room for {} MiB, and at most {} MiB {} are taken; make it "
                          "smaller ({})",
                          text, directory, disk.free_bytes >> 20, bytes_max >> 20,
                          disk.is_memory ? "of memory" : "of a disk",
                          world.target.target.is_node ? "another mount at its --data-dir"
                                                      : "sizeLimit"));
}

// Nodes of two clusters may well have one name: what is found here by it has to be of that cluster
// which the kubeconfig leads to.
Result<> CheckCluster(const World& world, const Place& place) {
  if (world.authority.empty() || place.authority.empty()) return {};
  if (ShareAnAuthority(world.authority, place.authority)) return {};
  const std::string text = place.target.Text();
  if (!place.docker.empty()) {
    return Fail(Reason::kConflict,
                fmt::format("{0} is of the cluster of {1}, and the container {2} here is a node of "
                            "another one (its authority is another); name that cluster's "
                            "--kubeconfig, or run this where {0} is",
                            text, world.kubeconfig, place.docker));
  }
  return Fail(Reason::kConflict,
              fmt::format("{0} is of the cluster of {1}, and what keeps its data in {2} is of "
                          "another one (its authority is another); name that cluster's "
                          "--kubeconfig, or the --data-dir of {0}",
                          text, world.kubeconfig, place.directory));
}

// What runs a node follows a file beside what it keeps: that it does tells that it is here.
Result<> CheckClock(const World& world) {
  const std::string text = world.target.target.Text();
  const bool is_stopped = !world.target.docker.empty() && world.target.holder.pid == 0;
  if (is_stopped) return Fail(Reason::kNotFound, text + " " + world.target.elsewhere);
  const std::string& directory = world.target.directory;
  const bool is_there = world.clock && world.clock->problem.empty() && world.clock->is_followed;
  if (!is_there) {
    return Fail(
        Reason::kNotFound,
        fmt::format(
            "no skiff that runs a node keeps its data in {} here{}; run this on the "
            "machine of {}, and name that directory with --data-dir",
            directory,
            world.clock && !world.clock->problem.empty() ? " (" + world.clock->problem + ")" : "",
            text));
  }
  const std::string& node = world.clock->node;
  const bool is_meant = world.target.is_simulated ? node.empty() : node == world.target.target.name;
  if (is_meant) return {};
  return Fail(Reason::kNotFound,
              fmt::format("what runs in {} is {}, not {}; name another --data-dir, or run this on "
                          "the machine of {}",
                          directory, node.empty() ? "a cluster of simulated nodes" : "node/" + node,
                          text, text));
}

// A pod that went while a fault of it was on, and came again under its name, is another one.
bool IsOf(const Record& record, const Place& place) {
  if (record.target != place.target.Text()) return false;
  const std::string uid = record.objects.empty() ? "" : record.objects.front().uid;
  return place.target.is_node || uid.empty() || place.uid.empty() || uid == place.uid;
}

// Faults of one kind at one place would hold each other's packets, processes or room.
Result<> CheckOverlap(const Request& request, const World& world) {
  const std::string target = request.target.Text();
  for (const Record& record : world.records) {
    if (request.fault == Fault::kClock && record.fault == Fault::kPause &&
        IsOf(record, world.target)) {
      return Fail(Reason::kConflict,
                  fmt::format("{} is paused, and the clock of what stands still cannot be changed; "
                              "wait until that is over, or end it: skiff chaos stop {}",
                              target, record.id));
    }
    // A link is the same from either end.
    const bool is_turned = request.fault == Fault::kPartition && request.peer &&
                           record.peer == target && record.target == request.peer->Text();
    const bool is_here = IsOf(record, world.target) || is_turned;
    if (record.fault != request.fault || !is_here) continue;
    const bool is_other_link = request.fault == Fault::kPartition && request.peer &&
                               !record.peer.empty() && record.peer != request.peer->Text() &&
                               !is_turned;
    if (is_other_link) continue;
    return Fail(Reason::kConflict,
                fmt::format("{0} of {1}{2} is on already; wait until it is over, or end it: skiff "
                            "chaos stop {3}",
                            FaultWord(record.fault), record.target,
                            record.peer.empty() ? "" : " and " + record.peer, record.id));
  }
  return {};
}

}  // namespace

bool ShareAnAuthority(const std::string& some_pem, const std::string& other_pem) {
  const auto others = SplitCertificates(other_pem);
  const auto is_there = [&](const std::string& certificate) {
    const auto pin = PublicKeyPin(certificate);
    return pin && std::any_of(others.begin(), others.end(), [&](const std::string& other) {
             const auto others_pin = PublicKeyPin(other);
             return others_pin && *others_pin == *pin;
           });
  };
  const auto some = SplitCertificates(some_pem);
  return std::any_of(some.begin(), some.end(), is_there);
}

std::vector<NeededProgram> ProgramsFor(const Request& request) {
  const NeededProgram nsenter{"nsenter", "util-linux"};
  if (request.fault == Fault::kNetem) return {nsenter, {"iptables-nft", "iptables"}};
  if (request.fault == Fault::kPartition) return {nsenter, {"nft", "nftables"}};
  return {};
}

Result<> CheckWorld(const Request& request, const World& world) {
  // A file is all there is to a node's clock; but in its container.
  const bool is_nodes_clock = request.fault == Fault::kClock && world.target.target.is_node;
  const bool is_roots = !is_nodes_clock || !world.target.docker.empty();
  // Root could do no more about it.
  if (!is_nodes_clock) TRY(CheckIsReal(request.fault, world.target));
  if (is_roots && !world.is_root) {
    return Fail(Reason::kForbidden,
                "this enters the namespaces of nodes and pods, which only root may: `sudo -E skiff "
                "chaos ...`");
  }
  TRY(CheckCluster(world, world.target));
  if (world.peer) TRY(CheckCluster(world, *world.peer));
  TRY(CheckOverlap(request, world));
  if (IsOfNetwork(request)) {
    TRY(CheckNetwork(request, world));
    TRY(CheckAddresses(world));
  } else if (request.fault == Fault::kDisk) {
    TRY(CheckDisk(world));
  } else if (is_nodes_clock) {
    TRY(CheckClock(world));
  } else {
    TRY(CheckMachine(request, world));
  }
  return CheckPrograms(request, world);
}

}  // namespace skiff::chaos
