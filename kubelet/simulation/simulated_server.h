// What the API server asks kubelets and pods, answered for all simulated nodes of a process, on a
// socket that nobody but the API server reaches: logs, commands, attached terminals, forwarded
// ports, metrics, and what is proxied to pods. Nothing leaves the machine.
//
// Which node is meant is in the path of what concerns a pod; else it is the request's Host: a
// node's name, or the address of a pod.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "client/informer.h"
#include "http/message.h"
#include "kubelet/kubelet.h"
#include "kubelet/simulation/simulated_metrics.h"

namespace skiff::kubelet {

class SimulatedServer final : public http::Handler {
 public:
  struct Dependencies {
    Informer<core_v1::Pod> pods;  // Of all nodes.
    const Clock& clock;
    // nullptr: none of the simulated nodes.
    std::function<Kubelet*(const std::string& node)> find_kubelet;
  };
  explicit SimulatedServer(Dependencies dependencies) : dependencies_(std::move(dependencies)) {}
  http::Response Handle(const http::Request& request) override;

 private:
  using Parts = std::vector<std::string>;  // Of the path.
  struct Target {
    Ptr<core_v1::Pod> pod;
    Kubelet* kubelet = nullptr;
  };
  // The pod that the path names, and its kubelet; NotFound in the kubelet's words.
  Result<Target> TargetOf(const Parts& parts) const;
  http::Response Logs(const http::Request& request, const Parts& parts) const;
  http::Response Command(const http::Request& request, const Parts& parts) const;
  http::Response Forward(const http::Request& request, const Parts& parts) const;
  http::Response OfNode(Kubelet& kubelet, const http::Request& request) const;
  bool RunsAt(const core_v1::Pod& pod, const std::string& address) const;
  http::Response OfPod(const http::Request& request, const std::string& address) const;
  std::vector<SimulatedContainer> RunningOn(Kubelet& kubelet) const;
  double CoreSecondsOf(const Kubelet& kubelet, const std::vector<SimulatedContainer>& running,
                       TimePoint now) const;

  const Dependencies dependencies_;
  mutable Mutex mutex_;
  // By node, of those that were ever asked.
  mutable std::map<std::string, SimulatedNodeUse> used_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
