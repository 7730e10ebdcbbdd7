// What a control plane's program serves beside its work: health for anyone, metrics for those whom
// the API server lets see them.
//
//   /healthz /livez /readyz    "ok"
//   /metrics                   Prometheus text; needs get on that path
//   /version
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "client/client.h"
#include "http/message.h"

namespace skiff {

class ComponentServer final : public http::Handler {
 public:
  struct Parts {
    Client& reviews;  // Asks the API server about who asks us.
    const Clock& clock;
    MetricRegistry& metrics;
  };
  // `open_paths` are for anyone; all else needs get on its path.
  ComponentServer(Parts parts, std::vector<std::string> open_paths)
      : parts_(parts), open_paths_(std::move(open_paths)) {}
  http::Response Handle(const http::Request& request) override;

 private:
  struct Asker {
    std::string name;
    std::string uid;
    std::vector<std::string> groups;
  };
  // A decision is kept for ten seconds, as kube-scheduler's.
  static constexpr Duration kDecisionLifetime = 10s;
  static constexpr size_t kDecisionsMax = 256;  // Past it all are asked for anew.
  struct Decision {
    int status = 0;  // 200: allowed; 401, 403.
    std::string text;
    Duration until{};  // Monotonic.
  };

  bool IsOpen(const std::string& path) const;
  Decision Decide(const http::Request& request);
  Decision Ask(const http::Request& request) const;
  Result<Asker> Authenticate(const http::Request& request) const;

  const Parts parts_;
  const std::vector<std::string> open_paths_;
  Mutex mutex_;
  std::map<std::string, Decision> decisions_ GUARDED_BY(mutex_);  // By who asks, and for what.
};

}  // namespace skiff
