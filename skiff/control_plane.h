// What one server does for the whole cluster: controllers, scheduler, the Service of its DNS, its
// Ingresses. A server alone does it as long as it lives; of several over one etcd one at a time
// does, by a Lease.
//
//   every server:   API, its own node, the usage of pods and nodes
//   who leads:      ControlPlane, and decides where pods go
//   who does not:   a scheduler that waits, and knows what that one knows
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apiserver/auth/pki.h"
#include "apiserver/server/api_server.h"
#include "base/control_loop.h"
#include "base/metrics.h"
#include "client/informer.h"
#include "client/leadership.h"
#include "client/manager.h"
#include "controllers/program.h"
#include "skiff/cluster.h"
#include "skiff/cluster_dns.h"
#include "skiff/cluster_ingress.h"
#include "skiff/cluster_scheduler.h"
#include "skiff/program_run.h"

namespace skiff {

// What the server's certificate names beside the address that it advertises; no node gets one for
// these, be there a Node with them or none.
std::vector<std::string> ExtraServerNames(const ClusterOptions& options);

// How a program of this process reaches the server: as the user it would authenticate as, with the
// rights of that user and no more.
std::unique_ptr<Transport> TransportAs(ApiServer& server, const std::string& name,
                                       std::vector<std::string> groups = {});
// As the controllers do.
std::unique_ptr<Transport> TransportAsControllers(ApiServer& server);

// Where ports show what runs; null: nobody asks. They outlive it.
struct ProgramRuns {
  ProgramRun* controllers = nullptr;
  ProgramRun* scheduler = nullptr;
};

class ControlPlane {
 public:
  struct Dependencies {
    ApiServer& server;
    InformerFactory& informers;  // They stop before Stop is called.
    Executor& executor;
    const Clock& clock;
    Random& random;
    bool has_scheduler = true;  // Else its owner has it.
    ProgramRuns runs = {};
  };
  ControlPlane(const ClusterOptions& options, const Pki& pki, Dependencies dependencies);
  ~ControlPlane();
  // The informers that nobody has started yet start with it.
  void Start();
  // Returns when nothing of it runs; HAProxy goes on.
  void Stop();

 private:
  void AddAllControllers(ControllerOptions options);

  Executor& executor_;
  ProgramRun* const run_;  // Of the controllers.
  MetricRegistry metrics_;
  std::unique_ptr<Transport> controller_transport_, ingress_transport_;
  Manager controllers_;
  std::unique_ptr<ClusterScheduler> scheduler_;  // Null: somebody else has it.
  std::unique_ptr<DnsService> dns_service_;
  std::unique_ptr<ClusterIngress> ingress_;
};

// That of one server among several: it is there while this server holds the Lease
// kube-system/kube-controller-manager. The scheduler is there before, with its informers, and
// waits; the controllers come to these, and both go together: a new scheduler takes the place of
// one that led, which has begun things.
//
// Between the end of a lease and the moment when this server has noticed it and stopped, another
// one may lead already. All that both write goes through etcd, where whoever goes by an old version
// fails; and a server that lost its lease because it is cut off cannot write at all.
class LedControlPlane {
 public:
  struct Dependencies {
    ApiServer& server;
    const Clock& clock;
    Random& random;
    ProgramRuns runs = {};
  };
  LedControlPlane(const ClusterOptions& options, const Pki& pki, Dependencies dependencies);
  // Another server may lead at once. HAProxy goes on, as that of a server alone: who starts again
  // goes on with it, or ends it where another one leads by then.
  ~LedControlPlane();

 private:
  struct Standby;
  struct Duty;
  void WaitToLead();
  void Begin();
  void End();
  void StopAll();

  const ClusterOptions options_;
  const Pki& pki_;
  const Dependencies dependencies_;
  const std::unique_ptr<Transport> transport_;
  Client client_;
  ThreadExecutor duty_executor_;
  std::unique_ptr<Standby> standby_;
  std::unique_ptr<Duty> duty_;  // While this server leads.
  Leadership leadership_;
  ThreadExecutor executor_{"election", 1};  // Last: nothing runs when the rest goes.
};

}  // namespace skiff
