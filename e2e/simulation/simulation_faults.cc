// What strikes the machines of a simulation.
#include <algorithm>

#include "e2e/simulation/simulation.h"

namespace skiff {
namespace {

constexpr LinkFaults kBadLinkFaults = {.loss = 0.3, .late = 0.1};

}  // namespace

void Simulation::CrashServer(Duration away) {
  if (!cluster_->ServerRuns()) return;
  invariants_->Check();
  invariants_->Disconnect();
  user_link_.CutStreams();
  for (const auto& machine : machines_) machine->link->CutStreams();
  cluster_->CrashServer();
  server_back_at_ = Now() + away;
  ++faults_["server crash"];
}

void Simulation::Crash(Machine& machine, Duration away) {
  machine.link->Break();  // Whatever waits in it goes on to its end, and is not heard.
  machine.program.reset();
  machine.back_at = Now() + away;
}

void Simulation::StrikeMessages(FaultKinds kinds) {
  Machine& machine = *machines_[random_.Below(machines_.size())];
  if (machine.partitioned || !machine.program) return;
  if (Chance(10)) {
    machine.link->CutStreams();
    ++faults_["cut watches"];
  }
  if (Chance(20)) {
    machine.link->StallStreams(Seconds(1, 15));
    ++faults_["lagging watches"];
  }
  if (Chance(8)) {
    machine.link->Worsen(kBadLinkFaults, Seconds(5, 30));
    ++faults_["bad link"];
  }
  if (Chance(8)) {
    // A node that is away for long loses its pods, which is a fault of its own.
    const bool is_long = machine.runtime && kinds.nodes && Chance(500);
    machine.link->Break();
    machine.partitioned = true;
    machine.back_at = Now() + (is_long ? Seconds(60, 480) : Seconds(1, 30));
    ++faults_[is_long ? "long partition" : "partition"];
  }
}

void Simulation::StrikeProcesses(FaultKinds kinds) {
  if (Chance(4)) CrashServer(Seconds(0, 10));
  Machine& machine = *machines_[random_.Below(machines_.size())];
  if (machine.partitioned || !machine.program) return;
  if (Chance(8)) {
    Crash(machine, Seconds(0, 20));
    ++faults_[machine.runtime ? "kubelet crash" : machine.name + " crash"];
  }
  if (Chance(8)) {
    machine.link->BreakAfter(1 + static_cast<int>(random_.Below(20)));
    ++faults_["crash in the middle"];
  }
  if (kinds.nodes && machine.runtime && Chance(6)) {
    // The machine is gone with all that ran on it, and comes back empty.
    Crash(machine, Seconds(5, 540));
    machine.runtime = std::make_unique<cri::FakeRuntime>(*machine.clock, random_, machine.pod_cidr,
                                                         machine.containers.get());
    machine.containers_seen_at.reset();
    machine.disk->Wipe();
    ++faults_["node loss"];
  }
}

void Simulation::StrikeNodes() {
  Machine& node = *nodes_[random_.Below(nodes_.size())];
  StrikeContainers(node);
  if (Chance(10)) {
    node.runtime->FailNext(cri::FakeCall::kRunPodSandbox, {Reason::kUnknown, "no space left"});
    ++faults_["sandbox failure"];
  }
  if (Chance(10)) {
    node.runtime->FailNext(cri::FakeCall::kStartContainer, {Reason::kUnknown, "no such file"});
    ++faults_["start failure"];
  }
  if (Chance(10)) {
    node.stops_fail_until = Now() + Seconds(1, 20);
    node.runtime->FailUntil(cri::FakeCall::kStopContainer, {Reason::kUnknown, "busy"},
                            node.stops_fail_until);
    ++faults_["stop failure"];
  }
}

void Simulation::StrikeContainers(Machine& node) {
  auto running = node.runtime->RunningNamed("app");
  const auto readers = node.runtime->RunningNamed(kReader);
  running.insert(running.end(), readers.begin(), readers.end());
  if (running.empty()) return;
  const std::string& id = running[random_.Below(running.size())];
  if (Chance(20)) {
    node.runtime->Exit(id, static_cast<int>(random_.Below(2)));
    ++faults_["container exit"];
  } else if (Chance(15)) {
    node.containers->Sicken(id, Seconds(3, 40));
    ++faults_["sick container"];
  }
}

// Leases and heartbeats are told by another machine's clock: by how long they stay the same, not by
// what time they say it is.
void Simulation::StrikeClocks() {
  if (!Chance(8)) return;
  Machine& machine = *machines_[random_.Below(machines_.size())];
  const bool back = Chance(500);
  machine.clock->SetOffset((back ? -1 : 1) * Seconds(1, 3600));
  ++faults_["clock jump"];
}

void Simulation::StrikeDisk() {
  if (disk_is_full_ || !Chance(3)) return;
  disk_is_full_ = true;
  disk_has_room_at_ = Now() + Seconds(1, 40);
  cluster_->FillDisk(true);
  ++faults_["full disk"];
}

}  // namespace skiff
