// What is done for a fault, and what undoes it. Pure.
//
// A fault is held by whoever supervises it, in ways that the kernel ends by itself:
//
//   netem      rules lead packets to a queue of the supervisor, who lets them go on late or not at
//              all; without somebody at the queue they go on at once
//   partition  a table of rules that hold as long as the elements of a set, which time out
//   pause      the supervisor traces the processes; traced by nobody they go on
//   disk       a file without a name, which is there as long as the supervisor has it open
//   kill       of a node: `docker kill`, and `docker start`
//   clock      of a node: a page that its programs have in their memory, whose faults have an end;
//              of a pod: code in the memory of its processes that adds nothing after the end
//
// What is left of rules that mean nothing any more the commands of `end` take away.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/wrong_clock.h"
#include "skiff/chaos/request.h"

namespace skiff::chaos {

struct Command {
  std::vector<std::string> argv;
  std::string stdin_text;
  // What it says where there is nothing to be done: that is as good as done.
  std::string absent;
  // Whose network it is about: once that is gone, nothing is to be done. pid 0: nobody's.
  ProcessId holder;
  bool operator==(const Command&) const = default;
};

// Where a target is, as far as it is on this machine.
struct Place {
  Target target;
  std::string uid;
  bool is_here = false;
  // Whose namespaces are the target's, as long as it lives. pid 0: it is not here.
  ProcessId holder;
  bool has_hosts_network = false;    // Its network is that of the machine's kernel itself.
  bool has_callers_network = false;  // Its network is that of whoever asks.
  bool shares_nodes_network = false;  // A pod with hostNetwork.
  bool is_simulated = false;
  std::string elsewhere;               // Where to ask instead, when it is not here.
  std::string device;                  // What leads out of its network: "eth0".
  std::vector<std::string> addresses;  // As others see it: CIDRs, of a node with its pods'.
  std::string docker;                  // The container that is a node; "": none.
  std::vector<std::string> groups;     // Names in the cgroups of what is to be paused or killed.
  std::string directory;  // To be filled, or of the node's clock, as the holder sees it.
  // PEM, of the cluster whose node keeps its data in that directory; "": it does not say.
  std::string authority;
};

// What the supervisor does with its own hands.
struct Hold {
  int queue = -1;  // -1: none. It is in the network of `queued_by`.
  ProcessId queued_by;
  Impairment impairment;
  std::vector<std::string> frozen;  // Groups.
  std::string filled;               // A directory, as `filled_by` sees it.
  ProcessId filled_by;
  std::vector<std::string> clocks;  // Groups, whose processes have a wrong clock.
  std::string clock_of;  // A node; "": none.
  std::string clock_directory;  // As `clock_seen_by` sees it; pid 0: as all do.
  ProcessId clock_seen_by;
  ClockFault clock;
  bool operator==(const Hold&) const = default;
};

struct Plan {
  std::vector<Command> begin;
  std::vector<Command> end;  // Can be repeated, and follow a `begin` that was cut short.
  Hold hold;
  // What was begun is there until `end` is done: no kernel ends it when its supervisor is killed.
  bool stays = false;
};

// `id` is of lower case letters and digits. The request was found possible (checks.h).
// It ends then, on the clock that never goes back.
Plan MakePlan(const Request& request, const std::string& id, const Place& target,
              const std::optional<Place>& peer, Duration ends);

// Packets that the supervisor sends itself have this mark, and are not queued again.
inline constexpr char kOwnMark[] = "0x10000000/0x10000000";
inline constexpr uint32_t kOwnMarkBit = 0x10000000;

// Where rules of a partition stand: at each end that is here and is no machine's own network.
bool CanHoldRules(const Place& place);

}  // namespace skiff::chaos
