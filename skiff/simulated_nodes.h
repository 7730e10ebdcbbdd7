// N simulated nodes of a cluster (`skiff up --nodes=N`): their kubelets, and the one socket on
// which all of them answer what the API server asks nodes and pods.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/wrong_clock.h"
#include "client/client.h"
#include "client/informer.h"
#include "client/transport.h"
#include "skiff/cluster.h"

namespace skiff {

// So that every node has a network for pods, 10.128.0.0/24 and on, below 10.255.0.0.
inline constexpr int kSimulatedNodesMax = 32'000;

// "" for names that are none of theirs.
std::string SimulatedSocketOf(const ClusterOptions& options, const std::string& node);

std::vector<std::string> SimulatedNodeNames(int count);

// Deletes the Nodes of an earlier start with more of them: nobody speaks for those any more.
Result<> RemoveSurplusNodes(Client& client, int count);

class SimulatedNodes {
 public:
  using TransportFor = std::function<std::unique_ptr<Transport>(const std::string& node)>;
  // Each has its node's identity. The informers are started by the caller, afterwards. What makes
  // nodes' clocks wrong may be null; it outlives them.
  SimulatedNodes(const ClusterOptions& options, const TransportFor& transport_for,
                 InformerFactory& informers, const Clock& clock, Random& random,
                 const ClockFaults* clock_faults);
  ~SimulatedNodes();
  // Answers the API server from now on.
  Result<> Serve();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace skiff
