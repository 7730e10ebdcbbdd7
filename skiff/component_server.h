// What a control plane's program serves beside its work: health for anyone, metrics for those whom
// the API server lets see them.
//
//   /healthz /livez /readyz    "ok"; ?verbose names the checks, ?exclude=NAME leaves one out
//   /readyz/NAME               one of them; needs get on that path
//   /metrics                   Prometheus text; needs get on that path
//   /metrics/slis              likewise: what health checks said to those who asked
//   /metrics/resources         likewise, of kube-scheduler
//   /version
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/auth/client_certificates.h"
#include "apiserver/auth/front_proxy.h"
#include "base/metrics.h"
#include "client/client.h"
#include "http/message.h"
#include "skiff/program_run.h"

namespace skiff {

// What a program is asked about its health.
struct HealthCheck {
  std::string root;  // "readyz"
  std::string name;
  std::function<std::string()> fault;  // "": it is well. Any thread.
};

class ComponentServer final : public http::Handler {
 public:
  struct Parts {
    Client& tokens;  // Asks an API server whose tokens are,
    Client& rights;  // and one who may see what.
    const Clock& clock;
    MetricRegistry& metrics;
    const MetricRegistry* resources = nullptr;  // Null: there is no such path.
    std::vector<HealthCheck> checks = {};       // A path without any has one that it always passes.
    const ProgramRun* run = nullptr;  // Not null: told at both paths as well, while it is shown.
  };
  struct Access {
    std::vector<std::string> open_paths;  // For anyone; all else needs get on its path.
    std::string client_ca_pem = {};       // Of users' certificates.
    FrontProxyOptions front_proxy = {};   // Who may name the user in headers.
    // How long it is believed whose a token is, and who may, and may not, see a path; as
    // kube-scheduler.
    Duration token_ttl = 10s;
    Duration allowed_ttl = 10s;
    Duration denied_ttl = 10s;
  };
  ComponentServer(Parts parts, Access access);
  http::Response Handle(const http::Request& request) override;

 private:
  static constexpr size_t kDecisionsMax = 256;  // Past it all are asked for anew.
  struct Decision {
    int status = 0;  // 200: allowed; 401, 403.
    std::string text;
    Duration lifetime{};  // How long it is kept; 0: not at all.
    Duration until{};     // Monotonic.
  };

  bool IsOpen(const std::string& path) const;
  // What is wrong, and counts that it was asked for.
  std::string FaultOf(const HealthCheck& check);
  std::vector<HealthCheck> ChecksAt(const std::string& root) const;
  // nullopt: the path is none of health.
  std::optional<http::Response> HealthAt(const http::Request& request);
  http::Response AllChecks(const std::string& root, const http::Request& request);
  // nullopt: the path is none of metrics.
  std::optional<std::string> MetricsAt(const std::string& path) const;
  Decision Decide(const http::Request& request);
  // Null `known`: whose `token` is has to be asked as well.
  Decision Ask(const std::string& path, const User* known, const std::string& token) const;
  Decision AskRights(const std::string& path, const User& user) const;
  // Whom a certificate, or the proxy in front, names; nullopt: neither is there, or it is not good.
  std::optional<User> Named(const http::Request& request);

  const Parts parts_;
  const Access access_;
  ClientCertificates certificates_;
  MetricRegistry levels_;  // kubernetes_healthcheck*
  CounterFamily& told_;
  Mutex mutex_;
  std::map<std::pair<std::string, std::string>, bool> well_ GUARDED_BY(mutex_);  // By root, name.
  std::map<std::string, Decision> decisions_ GUARDED_BY(mutex_);  // By who asks, and for what.
};

}  // namespace skiff
