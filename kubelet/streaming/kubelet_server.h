// What the kubelet serves on port 10250: logs, commands, attached terminals, forwarded ports, its
// pods. Only the API server may ask: a client certificate of the cluster's CA, of system:masters or
// of the API server itself.
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

namespace skiff::kubelet {

class KubeletServer final : public http::Handler {
 public:
  KubeletServer(Kubelet& kubelet, http::Loops& loops, const Clock& clock);
  http::Response Handle(const http::Request& request) override;

 private:
  using Parts = std::vector<std::string>;  // Of the path.
  http::Response Route(const http::Request& request, const Parts& parts);
  http::Response Logs(const http::Request& request, const Parts& parts);
  http::Response Exec(const http::Request& request, const Parts& parts);
  http::Response Attach(const http::Request& request, const Parts& parts);
  http::Response PortForward(const http::Request& request, const Parts& parts);
  http::Response Metrics() const;
  http::Response CadvisorMetrics();
  http::Response Summary(const http::Request& request);
  // Passes the connection on to the runtime's streaming server at `url`.
  http::Response PassOn(const http::Request& request, const Result<std::string>& url);
  // The newest container of that name in the pod, running or not.
  Result<std::string> ContainerId(const Parts& parts, bool must_run);

  Kubelet& kubelet_;
  http::Loops& loops_;
  const Clock& clock_;
  NodeMeasurer measurer_;
};

}  // namespace skiff::kubelet
