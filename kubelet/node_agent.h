// A kubelet with all it needs to run in a process: threads, its own client of the API, its HTTPS
// server. `skiff kubelet` is one of these; `skiff up` has one for its machine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/informer.h"
#include "client/manager.h"
#include "http/loop.h"
#include "http/server.h"
#include "kubelet/kubelet.h"
#include "kubelet/kubelet_metrics.h"
#include "kubelet/streaming/kubelet_paths.h"

namespace skiff::kubelet {

struct NodeAgentOptions {
  KubeletOptions kubelet;
  // Where logs, commands and the rest are served; unset: nowhere.
  std::optional<http::Server::Options> server;
  Json configuration = Json::object();  // As /configz shows it.
  bool takes_tokens = true;             // Else nobody but the API server, by its certificate.
  ServedPaths served = {};
  // Plain HTTP, /healthz alone; unset: nowhere.
  std::optional<http::Server::Options> health;
  // As of MakeMeteredRuntime.
  std::function<Result<>()> may_run = {};
};

class NodeAgent {
 public:
  struct Dependencies {
    Transport& transport;
    Transport& events;      // What events are told by.
    Transport& heartbeats;  // What the node's lease and status are sent by.
    InformerFactory& informers;
    // Of this node at least.
    Informer<core_v1::Pod> pods;
    Informer<core_v1::Service> services;
    Informer<core_v1::Node> nodes;  // This one at least.
    const Clock& clock;
    Random& random;
    ContainerRuntime& runtime;
    KubeletMetrics* metrics = nullptr;  // Null: it has some of its own.
  };
  // Runs when it returns. The informers are started by the caller, afterwards. `dependencies` must
  // outlive it.
  static Result<std::unique_ptr<NodeAgent>> Start(NodeAgentOptions options,
                                                  Dependencies dependencies);
  // Containers go on.
  ~NodeAgent();

  // For further loops of the node.
  Executor& executor();
  http::Loops& loops();
  Kubelet& kubelet();
  MetricRegistry& metrics();
  // The port it is served on; 0: nowhere.
  int port() const;
  // New connections to that port see this certificate; on all of them these authorities of client
  // certificates count. Any thread.
  Result<> ReloadTls(const http::ServerTls& tls);

 private:
  struct Parts;
  explicit NodeAgent(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// What this machine offers, for options of a kubelet: facts, DNS of its resolv.conf. `addresses`:
// one of each family at most, the primary one first.
KubeletOptions OptionsOfThisMachine(const std::string& node_name,
                                    const std::vector<std::string>& addresses,
                                    const std::string& root, const std::string& resolv_conf);

}  // namespace skiff::kubelet
