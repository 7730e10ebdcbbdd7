// A whole cluster on one thread: the real store, API server, controllers, scheduler and kubelets;
// only the clock, randomness, the network and the container runtime are replaced. Faults and the
// order in which parts run are drawn from a seed: a failing seed fails the same way for ever.
//
//   Simulation simulation({.seed = 7, .nodes = 3});
//   simulation.cluster().Apply(deployment);
//   simulation.RunWithFaults(10min);
//   simulation.Calm();                       // no more faults, everything settles
//   EXPECT_EQ(simulation.Complaints(), std::vector<std::string>{});
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "e2e/harness.h"
#include "e2e/simulation/faulty_transport.h"
#include "kubelet/cri_fake.h"
#include "kubelet/kubelet.h"

namespace skiff {

struct SimulationOptions {
  uint64_t seed = 1;
  int nodes = 3;
};

class Simulation {
 public:
  explicit Simulation(SimulationOptions options);
  ~Simulation();
  Cluster& cluster() { return *cluster_; }

  // Lets time pass in small steps; before each one a fault may strike. Invariants are checked after
  // each.
  void RunWithFaults(Duration length);
  // Mends everything, and lets the cluster settle for that long.
  void Calm(Duration length = 15min);
  // What broke an invariant; empty when nothing did.
  const std::vector<std::string>& Complaints() const { return complaints_; }
  // How often each kind of fault struck, for the log of a run.
  std::string FaultsText() const;

 private:
  struct Node {
    std::string name;
    std::unique_ptr<cri::FakeRuntime> runtime;
    std::unique_ptr<kubelet::Kubelet> kubelet;  // nullptr: crashed, or the node is lost.
    Duration back_at{};                         // Monotonic; when it comes back.
  };
  void StartKubelet(Node& node);
  void Strike();
  void BringBack(bool all);
  void CheckInvariants();
  void CheckBindings();
  void CheckSurge();

  SeededRandom random_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<FaultyTransport> network_;
  std::unique_ptr<Client> informer_client_;
  std::unique_ptr<InformerFactory> informers_;
  std::unique_ptr<Manager> node_manager_;
  std::vector<Node> nodes_;
  std::map<std::string, std::string> bound_;  // Pod uid -> node.
  std::map<std::string, int> faults_;
  std::vector<std::string> complaints_;
};

}  // namespace skiff
