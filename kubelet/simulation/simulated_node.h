// One simulated node: a kubelet on a runtime in memory. Its pods end, fail and become ready as
// their annotations say, and the node itself as its own do (docs/simulated.md).
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/control_loop.h"
#include "client/informer.h"
#include "client/recorder.h"
#include "client/transport.h"
#include "kubelet/cri_fake.h"
#include "kubelet/kubelet.h"
#include "kubelet/simulation/container_life.h"
#include "kubelet/simulation/pod_simulation.h"

namespace skiff::kubelet {

// A transport whose cable can be pulled: then the server is out of reach.
class CutTransport final : public Transport {
 public:
  explicit CutTransport(Transport& below) : below_(below) {}
  void SetCut(bool cut) { cut_ = cut; }
  http::Response Send(http::Request request) override;
  void SendLater(http::Request request, Then then) override;
  bool SendsLater() const override { return below_.SendsLater(); }
  bool TakesObjects() const override { return below_.TakesObjects(); }

 private:
  Transport& below_;
  std::atomic<bool> cut_ = false;
};

class SimulatedNode final : private PodSimulation, private ControlLoop {
 public:
  struct Options {
    std::string name;
    std::string address;
    std::string pod_cidr;  // "": its pods wait for the one that its Node is given.
  };
  // What it works with; all outlive it.
  struct Dependencies {
    Transport& transport;  // As this node.
    const Clock& clock;        // Of its machine, and so of its containers.
    const Clock& agent_clock;  // The kubelet's own, which may be wrong.
    Random& random;
    Informer<core_v1::Pod> pods;
    Informer<core_v1::Service> services;
    Informer<core_v1::Node> nodes;
    EventRecorder& events;
    Executor& executor;
    PodsByNode* pods_by_node = nullptr;  // As a kubelet's.
    Executor* vital = nullptr;           // As a kubelet's.
    std::optional<Informer<core_v1::ConfigMap>> config_maps = std::nullopt;  // As a kubelet's.
  };
  // The informers are started by the caller, afterwards.
  SimulatedNode(const Options& options, Dependencies dependencies);
  ~SimulatedNode() override;
  void Start();
  // Its Node has other annotations than before, or addresses for pods. Any thread.
  void NodeChanged() { Wake(); }
  Kubelet& kubelet() { return *kubelet_; }
  cri::FakeRuntime& runtime() { return runtime_; }

 private:
  // Pods of a node that is Ready, but was given no addresses yet, wait for them so long after they
  // were scheduled, and look that often.
  static constexpr Duration kAddressPatience = 5s;
  static constexpr Duration kAddressRetry = 100ms;

  Duration StartsIn(const core_v1::Pod& pod) override;
  std::unique_ptr<Probes> MakeProbes(std::function<void(const std::string&)> changed) override;
  // Does to the node what its annotations say.
  Duration Step() override;

  const std::string name_;
  const Dependencies dependencies_;
  CutTransport transport_;
  Client client_;
  cri::FakeRuntime runtime_;
  std::atomic<bool> has_addresses_;
  ContainerLife life_;
  std::unique_ptr<Kubelet> kubelet_;
  // The loop's own.
  bool is_ready_ = true;
  std::string pod_cidr_;
};

}  // namespace skiff::kubelet
