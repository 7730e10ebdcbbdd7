// What can stand in the way of a cluster on this machine. Each check is a pure function of what was
// found on the machine (skiff/host_facts); `up` and `join` stop at the first that fails, before
// they start anything, and `doctor` shows them all.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "skiff/cluster.h"
#include "skiff/host_facts.h"

namespace skiff {

// A warning works, but worse than it could.
enum class CheckVerdict : uint8_t { kOk, kWarning, kFailed };

struct Check {
  std::string name;         // "port 6443"
  std::string finding;      // What is: "free"; or what is wrong.
  std::string remedy = {};  // How to mend it; "" when there is nothing to mend.
  CheckVerdict verdict = CheckVerdict::kOk;
};

Check CheckRoot(const HostFacts& facts);
Check CheckPrograms(const HostFacts& facts);
Check CheckNetworkPlugins(const HostFacts& facts);
Check CheckIptables(const HostFacts& facts);
Check CheckRuntime(const HostFacts& facts);
Check CheckCgroups(const HostFacts& facts);
Check CheckOverlay(const HostFacts& facts);
// What pods can ask for that they do not get here: they are refused, with the reason.
Check CheckIsolation(const HostFacts& facts);
// A cluster without it works, but for its NetworkPolicies.
Check CheckNetworkPolicies(const HostFacts& facts);
Check CheckIngress(const HostFacts& facts);
// By which the parts of a cluster on this machine, and who asks it, reach each other.
Check CheckLoopback(const HostFacts& facts);
// A cluster starts on one that is nearly full, but its node here runs no pods.
Check CheckDisk(const HostFacts& facts, const ClusterOptions& options);
Check CheckDataDir(const HostFacts& facts, const ClusterOptions& options);
Check CheckPort(const PortFact& port);
// A cluster without it works, but for its Ingresses.
Check CheckIngressPort(const PortFact& port);
// What this cluster would listen on must be a port each.
Check CheckPortClash(const ClusterOptions& options);
// The rules of services are one set in a network, whatever the ranges of those who write them.
Check CheckOtherClusters(const HostFacts& facts);
Check CheckCidrs(const HostFacts& facts, const ClusterOptions& options);

// Those that concern such a cluster, in the order in which they are best mended.
std::vector<Check> AllChecks(const HostFacts& facts, const ClusterOptions& options);

}  // namespace skiff
