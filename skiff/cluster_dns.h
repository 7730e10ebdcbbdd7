// The cluster's DNS: a server on every machine, for the pods there, and the Service that leads to
// them.
//
//   pod ──► 10.96.0.10:53 (kube-dns) ──service rules──► its node's address:10053 ──► skiff there
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/error.h"
#include "base/id.h"
#include "client/client.h"
#include "client/informer.h"
#include "skiff/cluster.h"

namespace skiff {

// What pods are given as their name server; none when the cluster has no DNS of its own.
std::vector<std::string> ClusterDnsServers(const ClusterOptions& options);

// The server of this machine. It goes on answering from what it knows while the API server is away.
class NodeDns {
 public:
  struct Dependencies {
    Transport& transport;  // As this node.
    InformerFactory& informers;
    const Clock& clock;
    Random& random;
    Executor& executor;
  };
  // The caller starts the informers afterwards, and stops them before this ends. Fails when the
  // port is taken, with how to choose another. Where no DNS is wanted there is none, and its Node
  // says so; nullptr: nobody's Node could.
  static Result<std::unique_ptr<NodeDns>> Start(const ClusterOptions& options,
                                                Dependencies dependencies);
  ~NodeDns();

 private:
  struct Parts;
  static Result<> StartServer(const ClusterOptions& options, const Dependencies& dependencies,
                              Parts& parts);
  explicit NodeDns(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Makes the servers of all nodes known as the Service kube-system/kube-dns; once in a cluster. In
// one that wants none it takes back what was said of servers that are gone.
class DnsService {
 public:
  // `transport`: as the controllers. Informers as above.
  static std::unique_ptr<DnsService> Start(const ClusterOptions& options, Transport& transport,
                                           InformerFactory& informers, Executor& executor);
  ~DnsService();

 private:
  struct Parts;
  explicit DnsService(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace skiff
