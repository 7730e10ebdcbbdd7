// Serves the Ingresses of our class by a HAProxy of this machine: started with the first of them,
// started again when it ends, ended with the last. Its metrics and its log of requests are its own.
//
//   informers -> plan -> configuration -> reload, where more than endpoints has changed
//                                      -> its runtime socket, where only they have
//                     -> status and Events of each Ingress
//
// Asleep while nothing of that changes, but for a look at the log's length while HAProxy runs.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/informer.h"
#include "client/mailbox.h"
#include "client/recorder.h"
#include "http/loop.h"
#include "http/process_watch.h"
#include "proxy/ingress/haproxy.h"
#include "proxy/ingress/ingress_ports.h"
#include "proxy/ingress/reload_pace.h"
#include "proxy/ingress/unwritten_statuses.h"

namespace skiff::ingress {

// Whether it says that it is served at that address, as a program of ours has written it. Others,
// whose controllers may be on this machine as well, write no ports.
bool IsServedAt(const networking_v1::Ingress& ingress, const std::string& address);

class IngressLoop final : public ControlLoop {
 public:
  // Changes in between wait and coalesce.
  static constexpr Duration kPeriodMin = 50ms;
  // It may end as soon as it has started.
  static constexpr Duration kStartPeriodMin = 1s;
  // The delays after which what failed is tried again, and a port that is another's asked for.
  static constexpr Duration kRetryFirst = 1s;
  static constexpr Duration kRetryMax = 60s;
  static constexpr Duration kWorkersEnd = 200ms;
  static constexpr Duration kLogPeriod = 60s;
  // Of one Ingress; what more is wrong is told when these are mended.
  static constexpr size_t kProblemsToldMax = 10;

  struct Dependencies {
    InformerFactory& informers;
    Client& client;  // Writes status.
    EventRecorder& events;
    const Clock& clock;
  };
  // `settings.directory` is HAProxy's, `addresses` what Ingresses are told to be reached at, one
  // at least. Before the informers start; they stop before this ends. HAProxy goes on.
  IngressLoop(Dependencies dependencies, HaproxySettings settings,
              std::vector<std::string> addresses);
  Duration Step() override;

  // HAProxy was told to read new files so often, and endpoints without that. Any thread.
  int reloads() const { return reloads_; }
  int syncs() const { return syncs_; }

 private:
  using IngressPtr = Shared<networking_v1::Ingress>;
  struct CheckedCertificate {
    std::string version;  // Of the Secret that was checked.
    Result<Shared<TlsCertificate>> certificate;
  };

  void WatchInformers();
  // Something of what is planned from may have changed.
  void Note();
  bool Synced() const;
  void NoteService(const std::string& name);
  void NoteSecret(const std::string& name);
  IngressWorld World();
  Result<Shared<TlsCertificate>> CertificateOf(const std::string& ns, const std::string& name);
  std::string HolderOf(int port) const;
  // Whether it looks at more than before: what changed of that meanwhile was passed over.
  bool Remember(const IngressPlan& plan);
  void Idle();
  Duration Try(const IngressPlan& plan, Duration now);
  // Leaves out, until their Secrets change, the certificates for which HAProxy refused it all: what
  // one namespace has keeps nobody else from theirs. False: there are none.
  bool RefuseCertificates(const IngressPlan& plan, const std::string& said);
  Result<Duration> Drive(const IngressPlan& plan, Duration now);
  // Why it would listen nowhere.
  Result<> CheckPorts() const;
  Result<> StartHaproxy(const IngressPlan& plan);
  Result<> Reload(HaproxyConfig config, const IngressPlan& plan, Duration now);
  // While a reload takes its time: tells the worker that serves of the endpoints of now. The plan
  // of those, if something has changed.
  std::optional<IngressPlan> FollowEndpoints();
  Result<> Watch(const ProcessId& process);
  // When the next reload may be, or is to be asked for again. Wakes when a worker that it waits for
  // has ended.
  Result<Duration> ReloadNotBefore(Duration now);
  // When to try again what could not be written.
  Duration Tell(const IngressPlan& plan, Duration now);
  void TellProblems(const PlannedIngress& planned);
  using AddressList = std::vector<networking_v1::IngressLoadBalancerIngress>;
  // Unless it failed and is not due, or as many are on the way as may be: nothing that is served
  // waits for them.
  void TryStatus(const IngressPtr& ingress, bool is_served, Duration now);
  void NoteStatus(const IngressPtr& ingress, const AddressList& wanted,
                  const Result<IngressPtr>& written);
  void TellServed(const IngressPtr& ingress);
  void LookBack();
  void LeaveOthers(const IngressPlan& plan, Duration now);

  const Dependencies dependencies_;
  const Informer<networking_v1::Ingress> ingresses_;
  const Informer<networking_v1::IngressClass> classes_;
  const Informer<core_v1::Service> services_;
  const Informer<discovery_v1::EndpointSlice> slices_;
  const Informer<core_v1::Secret> secrets_;
  const std::vector<std::string> addresses_;
  const Log log_{"ingress"};
  Haproxy haproxy_;
  IngressPorts ports_;
  bool knows_ports_ = false;  // Which of them HAProxy has.
  Duration port_delay_ = kRetryFirst;
  std::map<std::string, CheckedCertificate> certificates_;
  std::unique_ptr<http::Loops> loops_;  // While HAProxy runs.
  std::unique_ptr<http::ProcessWatch> watch_;
  ProcessId watched_;
  std::unique_ptr<http::ProcessWatch> oldest_watch_;  // Of a worker, while a reload waits for it.
  // What HAProxy was made to be; unset: not known, or not yet so.
  std::string signature_;
  std::optional<std::map<std::string, Backend>> synced_;
  std::string trouble_;  // Why it is not as it should be; told once.
  Duration retry_delay_ = kRetryFirst;
  Duration retry_at_{};
  Duration not_before_{};
  ReloadPace reload_pace_;
  Duration start_not_before_{};
  bool has_looked_back_ = false;
  // Of each Ingress that is ours, or still says so.
  std::map<ObjectKey, std::set<IngressProblem>> told_;
  UnwrittenStatuses unwritten_;
  // What was written over which version of an Ingress: that comes by the informer later.
  struct WrittenStatus {
    std::string over;
    AddressList addresses;
  };
  std::map<ObjectKey, WrittenStatus> written_;
  std::set<ObjectKey> on_the_way_;  // Their answers have not come yet.
  std::atomic<bool> noted_ = false;
  std::atomic<int> reloads_ = 0;
  std::atomic<int> syncs_ = 0;
  Mutex mutex_;
  std::set<std::string> known_services_ GUARDED_BY(mutex_);
  std::set<std::string> known_secrets_ GUARDED_BY(mutex_);
  Mailbox answers_;  // To statuses that were sent. Goes first.
};

}  // namespace skiff::ingress
