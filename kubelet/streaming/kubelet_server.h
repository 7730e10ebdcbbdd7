// What the kubelet serves on port 10250: logs, commands, attached terminals, forwarded ports, its
// pods, its configuration, metrics. Who may ask for which is KubeletAccess's to say. Paths, methods
// and codes are the kubelet's, as its router has them: a path that there is not is nobody's to be
// refused.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/loop.h"
#include "http/message.h"
#include "http/server.h"
#include "kubelet/kubelet.h"
#include "kubelet/stats/node_measurer.h"
#include "kubelet/streaming/claim_uses.h"
#include "kubelet/streaming/kubelet_access.h"
#include "kubelet/streaming/kubelet_paths.h"
#include "kubelet/streaming/system_logs.h"

namespace skiff::kubelet {

class KubeletServer final : public http::Handler {
 public:
  struct Dependencies {  // All outlive it.
    Kubelet& kubelet;
    http::Loops& loops;
    const Clock& clock;
    KubeletMetrics& metrics;
    Client* reviews = nullptr;  // nullptr: nobody but the API server is let in.
    bool takes_tokens = true;
    Json configuration = {};    // As /configz shows it.
    ServedPaths served = {};
    std::string system_logs = "/var/log";
  };
  explicit KubeletServer(Dependencies dependencies);
  http::Response Handle(const http::Request& request) override;
  // As KubeletAccess.
  void UseAuthorities(const std::string& pem) { access_.UseAuthorities(pem); }
  // The server is about to stop: no answer takes long any more.
  void End() { measurer_.End(); }

 private:
  using Parts = std::vector<std::string>;  // Of the path.
  http::Response Answer(const http::Request& request);
  http::Response Route(const http::Request& request, const Parts& parts);
  static http::Response SetVerbosity(const http::Request& request);
  http::Response Metrics(const http::Request& request);
  http::Response RunningPods() const;
  http::Response Run(const http::Request& request, const Parts& parts);
  http::Response Checkpoint(const Parts& parts) const;
  void AddMeasured();
  void AddPodCounts(MetricRegistry& registry);
  // Of each claim that a pod here has mounted. One look is for all of a scrape.
  std::vector<ClaimUse> ClaimsUsed();
  http::Response Logs(const http::Request& request, const Parts& parts);
  http::Response Exec(const http::Request& request, const Parts& parts);
  http::Response Attach(const http::Request& request, const Parts& parts);
  http::Response PortForward(const http::Request& request, const Parts& parts);
  http::Response ResourceMetrics() const;
  http::Response CadvisorMetrics();
  http::Response Summary(const http::Request& request);
  // Passes the connection on to the runtime's streaming server at `url`.
  http::Response PassOn(const http::Request& request, const Result<std::string>& url);
  // The newest container of that name in the pod, running or not.
  Result<std::string> ContainerId(const Parts& parts, bool must_run);

  Kubelet& kubelet_;
  http::Loops& loops_;
  const Clock& clock_;
  KubeletMetrics& metrics_;
  const Json configuration_;
  const ServedPaths served_;
  const SystemLogs system_logs_;
  KubeletAccess access_;
  NodeMeasurer measurer_;
  ClaimUses claim_uses_;
};

}  // namespace skiff::kubelet
