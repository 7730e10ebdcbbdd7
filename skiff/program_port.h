// The port that kube-controller-manager or kube-scheduler would have as a program of its own, for
// one that runs within the process of the API server: who asks there is authenticated and
// authorized by that server. It stays while the program comes and goes.
#pragma once

#include <memory>
#include <string>

#include "apiserver/auth/pki.h"
#include "apiserver/server/api_server.h"
#include "base/clock.h"
#include "client/client.h"
#include "http/server.h"
#include "skiff/component.h"
#include "skiff/component_server.h"
#include "skiff/program_run.h"

namespace skiff {

class ProgramPort {
 public:
  struct Dependencies {
    ApiServer& server;
    const Pki& pki;  // Of the cluster: its users' certificates are good here, too.
    const Clock& clock;
  };
  // As the arguments that `skiff up` has for the program want it; null: they want none. Errors are
  // in the program's words.
  static Result<std::unique_ptr<ProgramPort>> OfControllerManager(
      const std::vector<std::string>& arguments, Dependencies dependencies);
  static Result<std::unique_ptr<ProgramPort>> OfScheduler(const std::vector<std::string>& arguments,
                                                          Dependencies dependencies);

  // What is shown there is closed before the port goes.
  ProgramRun& run() { return run_; }
  int port() const { return front_->port(); }

 private:
  struct Program {
    std::string name;
    bool is_scheduler = false;  // Which is ready once it is synced, and knows of resources.
  };
  static Result<std::unique_ptr<ProgramPort>> Open(const Program& program, ServingFlags flags,
                                                   const Dependencies& dependencies);
  ProgramPort(const Program& program, ComponentServer::Access access,
              const Dependencies& dependencies);
  std::vector<HealthCheck> ChecksOf(const Program& program);

  ProgramRun run_;
  MetricRegistry metrics_, resources_;  // What there is beside the run.
  const std::unique_ptr<Transport> transport_;
  Client client_;
  ComponentServer handler_;
  http::Loops loops_{1};
  std::unique_ptr<http::Server> front_;  // Last: nobody asks when the rest goes.
};

}  // namespace skiff
