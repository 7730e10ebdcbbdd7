// A whole cluster on one thread: the real store, API server, controllers, scheduler and kubelets;
// only the clock, randomness, the network and the container runtime are replaced. Faults and the
// order in which parts run are drawn from a seed: a failing seed fails the same way for ever.
//
//   Simulation simulation({.seed = 7});
//   simulation.cluster().Apply(deployment);
//   simulation.RunWithFaults(10min, kAllFaults);
//   EXPECT_TRUE(simulation.Settle(as_it_should_be));     // no more faults
//   EXPECT_EQ(simulation.invariants().complaints(), std::vector<std::string>{});
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "e2e/harness.h"
#include "e2e/simulation/file_laws.h"
#include "e2e/simulation/invariants.h"
#include "e2e/simulation/link.h"
#include "e2e/simulation/machine_clock.h"
#include "e2e/simulation/node_laws.h"
#include "e2e/simulation/program.h"
#include "e2e/simulation/simulated_containers.h"
#include "e2e/simulation/simulated_disk.h"
#include "e2e/simulation/waiting_executor.h"
#include "http/loop.h"
#include "kubelet/cri_fake.h"
#include "kubelet/probes/probe_attempt.h"

namespace skiff {

struct SimulationOptions {
  uint64_t seed = 1;
  int nodes = 3;
};

// What may go wrong.
struct FaultKinds {
  bool messages = false;   // Lost and late ones, cut and lagging watches, partitions.
  bool processes = false;  // Every process, the API server's too, is killed and started again.
  // Machines are lost; containers end, do not start or stop, or do not answer their probes.
  bool nodes = false;
  bool clocks = false;     // Those of machines jump, and are wrong for a while.
  bool disk = false;       // The server's disk is full for a while.
};
inline constexpr FaultKinds kAllFaults = {true, true, true, true, true};

class Simulation {
 public:
  explicit Simulation(SimulationOptions options);
  ~Simulation();
  TestCluster& cluster() { return *cluster_; }
  Invariants& invariants() { return *invariants_; }
  Random& random() { return random_; }
  // What a user far away reaches the server over.
  Link& user_link() { return user_link_; }

  // Lets time pass in small steps; before each one a fault may strike, and `act` is called. After
  // each one the invariants are checked.
  void RunWithFaults(Duration length, FaultKinds kinds, const std::function<void()>& act = {});
  // All nodes lose the server for longer than it waits for them. Each comes back for a moment, when
  // its pods have no network yet.
  void RunOutage();
  // Lets time pass without a fault, but for calls that wait.
  void RunFor(Duration length);
  // Mends everything; what was down takes a moment to come back.
  void Mend();
  // Mends everything, and lets time pass until `settled`; false when that takes longer than any
  // back-off in a cluster.
  bool Settle(const std::function<bool()>& settled);
  // What was written within a minute in which there was nothing to do, but by those whose lives are
  // told by writing.
  std::vector<std::string> WrittenAtRest();
  bool DiskIsFull() const { return disk_is_full_; }
  // How often the server had to say that somebody must make room.
  int disk_alarms() const { return disk_alarms_; }
  // How often each kind of fault struck, for the log of a run.
  std::string FaultsText() const;
  // Nodes and the uids of pods with a running container there.
  std::set<std::pair<std::string, std::string>> RunningPods();
  // What containers read at that path, each that has a file there.
  std::set<std::string> Read(const std::string& path);

 private:
  // Containers of that name have files to look at.
  static constexpr char kReader[] = "reader";
  // Where a program runs: a node, or a machine of the control plane.
  struct Machine {
    std::string name;
    std::unique_ptr<MachineClock> clock;
    std::unique_ptr<Link> link;
    // Where its program, or a part of it, waits for calls that take time; nullptr: none does.
    std::unique_ptr<WaitingExecutor> blocking;
    // Of nodes: what they run.
    std::unique_ptr<SimulatedDisk> disk;
    std::unique_ptr<SimulatedContainers> containers;
    std::unique_ptr<cri::FakeRuntime> runtime;
    std::vector<cri::Container> containers_seen;  // After so many changes of the runtime.
    std::optional<uint64_t> containers_seen_at;
    std::unique_ptr<SimulatedProgram> program;  // nullptr: not running.
    int life = 0;                               // How often it was started.
    Duration stops_fail_until{};                // Monotonic.
    std::string pod_cidr;                       // Of nodes.
    bool partitioned = false;
    Duration back_at{};  // Monotonic: when it is mended, or its program started again.
  };
  Machine& AddMachine(const std::string& name, LinkIdentity identity);
  void AddNode(int number);
  void Start(Machine& machine);
  std::shared_ptr<void> MakeKubelet(Manager& manager, Machine& machine);
  kubelet::HttpProber MakeProber(Machine& machine);
  void StrikeMessages(FaultKinds kinds);
  void StrikeProcesses(FaultKinds kinds);
  void StrikeNodes();
  void StrikeContainers(Machine& node);
  bool RunWaiting();
  void Look();
  void LookAtNodes();
  void LookAtFiles();
  const std::vector<cri::Container>& ContainersOf(Machine& node);
  void LookAtLists();
  bool AnyControllerAway() const;
  // Whether each message between the machine and the server arrives: who lost several in a row asks
  // again only a minute later.
  bool Reaches(const Machine& machine) const;
  void StrikeClocks();
  void StrikeDisk();
  void LookAtDisk();
  void CrashServer(Duration away);
  void Crash(Machine& machine, Duration away);
  void Restore(bool all);
  void SetFaults(LinkFaults faults);
  // Containers named "task" do their work and end.
  void FinishTasks(bool may_fail);
  Duration Now() { return cluster_->clock().Monotonic(); }
  bool Chance(int of_thousand) { return random_.Below(1000) < static_cast<uint64_t>(of_thousand); }
  Duration Seconds(int least, int most);

  SeededRandom random_;
  std::unique_ptr<TestCluster> cluster_;
  Link user_link_;
  http::Loops loops_;  // Idle: nothing here has an address.
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<Machine*> nodes_;
  Duration server_back_at_{};
  bool never_rests_ = false;  // Then the run is over.
  bool disk_is_full_ = false;
  Duration disk_has_room_at_{};
  bool lists_lag_ = true;  // Those of the controllers may have since the last look.
  bool lists_followed_ = false;
  int list_breaks_ = 0;
  bool was_refusing_ = false;  // Writes, because of the disk.
  int disk_alarms_ = 0;
  std::unique_ptr<Invariants> invariants_;
  std::unique_ptr<NodeLaws> node_laws_;
  std::unique_ptr<FileLaws> file_laws_;
  Duration look_at_files_at_{};
  std::map<std::string, int> faults_;
};

}  // namespace skiff
