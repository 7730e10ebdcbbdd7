// The node agent: a worker for each pod of this node, kept in step with the API and the runtime.
//
//   pods of this node (informer) ---> workers <--- runtime events, probe results
//                                        |
//                                   runtime, volumes, statuses
//
// A crash or restart of the kubelet stops nothing: at the start it reads what the runtime has and
// goes on. Pods that the runtime has but the API no longer does are stopped.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/informer.h"
#include "kubelet/node_status.h"
#include "kubelet/pod_worker.h"

namespace skiff::kubelet {

struct KubeletOptions {
  std::string node_name;
  std::string root = "/var/lib/kubelet";
  std::string log_root = "/var/log/pods";
  std::string cgroup_root = "/kubepods";
  std::vector<std::string> node_ips;
  DnsSettings dns;
  NodeFacts facts;
  bool writes_files = true;
};

// What it works with; all outlive it.
struct KubeletDependencies {
  Client& client;
  const Clock& clock;
  Random& random;
  ContainerRuntime& runtime;
  // Pods of this node at least; those of others are passed over.
  Informer<core_v1::Pod> pods;
  Informer<core_v1::Service> services;
  EventRecorder& events;
  Executor& executor;
  // nullptr on simulated nodes, whose containers have no addresses: their probes always pass.
  http::Loops* loops = nullptr;
};

class Kubelet final : public ControlLoop {
 public:
  static constexpr Duration kHousekeeping = 60s;

  Kubelet(KubeletOptions options, KubeletDependencies dependencies);
  ~Kubelet() override;

  // Adds its loops to the executor. The informers are started by the caller, afterwards.
  void Start();
  void Stop();
  // Takes in changed pods, starts and drops workers, cleans up.
  Duration Step() override;

  // A pod of this node by namespace and name; nullptr when it has none. Any thread.
  Ptr<core_v1::Pod> FindPod(const std::string& namespace_, const std::string& name) const;
  std::vector<Ptr<core_v1::Pod>> Pods() const;
  ContainerRuntime& runtime() { return dependencies_.runtime; }
  const KubeletOptions& options() const { return options_; }

 private:
  void PodChanged(const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now);
  void Apply(const Ptr<core_v1::Pod>& pod);
  void Gone(const std::string& uid);
  void WakeWorker(const std::string& pod_uid);
  void CleanUp();
  bool StopOrphan(const std::string& uid, const std::string& name);
  void RemoveDeadContainers();
  EnvironmentSources EnvironmentFor(const core_v1::Pod& pod) const;
  VolumeSources MakeVolumeSources() const;
  std::unique_ptr<Probes> MakeProbes();
  void Pause(Duration length);
  bool IsMine(const core_v1::Pod& pod) const { return pod.spec.node_name == options_.node_name; }

  const KubeletOptions options_;
  const KubeletDependencies dependencies_;
  const Log log_{"kubelet"};
  VolumeManager volumes_;
  ImagePuller images_;
  std::unique_ptr<Probes> probes_;
  StatusManager statuses_;
  LifecycleHooks hooks_;
  NodeStatusLoop node_status_;
  PodWorkerContext context_;
  std::unique_ptr<cri::Subscription> subscription_;
  Duration next_housekeeping_{};

  struct Change {
    std::string uid;
    Ptr<core_v1::Pod> pod;  // nullptr: gone.
  };
  mutable Mutex mutex_;
  CondVar stopping_changed_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<Change> inbox_ GUARDED_BY(mutex_);
  std::map<std::string, std::unique_ptr<PodWorker>> workers_ GUARDED_BY(mutex_);  // By uid.
};

}  // namespace skiff::kubelet
