#include "kubelet/kubelet.h"

#include <algorithm>

#include "api/gen/authentication_v1.h"
#include "kubelet/pod_lookup.h"

namespace skiff::kubelet {
namespace {

constexpr Duration kOrphanGrace = 1s;

template <Kind K>
Result<Ptr<K>> Look(Client& client, const std::string& namespace_, const std::string& name) {
  return client.Get<K>({namespace_, name});
}

}  // namespace

Kubelet::Kubelet(KubeletOptions options, KubeletDependencies dependencies)
    : options_(std::move(options)),
      dependencies_(dependencies),
      volumes_(options_.root, MakeVolumeSources(), dependencies_.clock),
      images_(dependencies_.runtime, dependencies_.clock, dependencies_.events),
      probes_(MakeProbes()),
      statuses_(dependencies_.client),
      hooks_(dependencies_.runtime, dependencies_.loops,
             [this](Duration length) { Pause(length); }),
      node_status_(options_.node_name, options_.facts,
                   {dependencies_.client, dependencies_.clock, dependencies_.runtime}),
      context_{dependencies_.runtime,
               dependencies_.clock,
               dependencies_.random,
               dependencies_.executor,
               dependencies_.events,
               volumes_,
               images_,
               *probes_,
               statuses_,
               hooks_,
               [this](const core_v1::Pod& pod) { return EnvironmentFor(pod); },
               options_.dns,
               options_.node_ips,
               options_.facts.memory_bytes,
               "containerd",
               options_.log_root,
               options_.cgroup_root,
               options_.writes_files} {
  dependencies_.pods.OnChange([this](const Ptr<core_v1::Pod>& before,
                                     const Ptr<core_v1::Pod>& now) { PodChanged(before, now); });
  dependencies_.pods.cache().OnSynced([this] { Wake(); });
}

Kubelet::~Kubelet() {
  Stop();
}

void Kubelet::Start() {
  if (const auto version = dependencies_.runtime.Version()) {
    context_.runtime_name = version->runtime_name;
  }
  Executor& executor = dependencies_.executor;
  executor.Add(statuses_);
  executor.Add(node_status_);
  executor.Add(*this);
  // Which pod an event concerns is not in it: each worker that it may concern looks for itself.
  subscription_ = dependencies_.runtime.Subscribe([this](const cri::Event& event) {
    if (event.what == cri::Event::What::kExited || event.what == cri::Event::What::kResync ||
        event.what == cri::Event::What::kDeleted) {
      MutexLock lock(mutex_);
      for (auto& [uid, worker] : workers_) {
        if (worker->state() != PodWorker::State::kFinished && worker->Concerns(event)) {
          worker->Wake();
        }
      }
    }
  });
}

std::unique_ptr<Probes> Kubelet::MakeProbes() {
  if (dependencies_.loops == nullptr) return std::make_unique<PassingProbes>();
  return std::make_unique<ProbeManager>(
      ProbeManager::Dependencies{dependencies_.runtime, dependencies_.executor, dependencies_.clock,
                                 dependencies_.events, *dependencies_.loops},
      [this](const std::string& uid) { WakeWorker(uid); });
}

void Kubelet::Pause(Duration length) {
  MutexLock lock(mutex_);
  stopping_changed_.wait_for(lock, length, [this] { return stopping_; });
}

void Kubelet::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopping_changed_.notify_all();
  subscription_.reset();
  Executor& executor = dependencies_.executor;
  executor.Remove(*this);
  executor.Remove(node_status_);
  std::map<std::string, std::unique_ptr<PodWorker>> workers;
  {
    MutexLock lock(mutex_);
    workers.swap(workers_);
  }
  for (auto& [uid, worker] : workers) executor.Remove(*worker);
  executor.Remove(statuses_);
}

void Kubelet::PodChanged(const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now) {
  {
    MutexLock lock(mutex_);
    const bool replaced = before && now && before->metadata.uid != now->metadata.uid;
    if (before && IsMine(*before) && (!now || replaced)) {
      inbox_.push_back({before->metadata.uid, nullptr});
    }
    if (now && IsMine(*now)) inbox_.push_back({now->metadata.uid, now});
    if (inbox_.empty()) return;
  }
  Wake();
}

Duration Kubelet::Step() {
  // Asked before the inbox is emptied: whoever is synced has put all pods into it, and a pod that
  // is not known yet must not be taken for one that is gone.
  const bool synced = dependencies_.pods.synced();
  std::vector<Change> changes;
  {
    MutexLock lock(mutex_);
    changes.swap(inbox_);
  }
  for (const Change& change : changes) {
    if (change.pod) {
      Apply(change.pod);
    } else {
      Gone(change.uid);
    }
  }
  if (!synced) return kNever;
  const Duration now = dependencies_.clock.Monotonic();
  if (now >= next_housekeeping_) {
    CleanUp();
    next_housekeeping_ = now + kHousekeeping;
  }
  return next_housekeeping_ - now;
}

void Kubelet::Apply(const Ptr<core_v1::Pod>& pod) {
  PodWorker* started = nullptr;
  {
    MutexLock lock(mutex_);
    auto& worker = workers_[pod->metadata.uid];
    if (worker) {
      const Ptr<core_v1::Pod> before = worker->pod();
      const bool only_status =
          before->spec == pod->spec &&
          before->metadata.deletion_timestamp == pod->metadata.deletion_timestamp &&
          before->metadata.labels == pod->metadata.labels &&
          before->metadata.annotations == pod->metadata.annotations &&
          before->status.phase == pod->status.phase;
      if (only_status) {
        worker->Refresh(pod);
      } else {
        worker->Update(pod);
      }
      // A pod that had ended before it was deleted has nothing left to stop.
      if (worker->state() == PodWorker::State::kFinished && pod->metadata.deletion_timestamp) {
        statuses_.Finish(pod);
      }
      return;
    }
    worker = std::make_unique<PodWorker>(context_, pod);
    started = worker.get();
  }
  dependencies_.executor.Add(*started);
}

void Kubelet::Gone(const std::string& uid) {
  statuses_.Forget(uid);
  std::unique_ptr<PodWorker> finished;
  {
    MutexLock lock(mutex_);
    const auto found = workers_.find(uid);
    if (found == workers_.end()) return;
    if (found->second->state() != PodWorker::State::kFinished) {
      found->second->Terminate(std::nullopt, std::nullopt);
      return;  // Housekeeping drops it when it has finished.
    }
    finished = std::move(found->second);
    workers_.erase(found);
  }
  dependencies_.executor.Remove(*finished);
  StopOrphan(uid, "");
}

void Kubelet::WakeWorker(const std::string& pod_uid) {
  MutexLock lock(mutex_);
  const auto found = workers_.find(pod_uid);
  if (found != workers_.end()) found->second->Wake();
}

void Kubelet::CleanUp() {
  std::vector<std::unique_ptr<PodWorker>> finished;
  std::map<std::string, bool> known;
  {
    MutexLock lock(mutex_);
    for (auto worker = workers_.begin(); worker != workers_.end();) {
      const Ptr<core_v1::Pod> pod = worker->second->pod();
      const auto current = dependencies_.pods.Get({pod->metadata.namespace_, pod->metadata.name});
      const bool exists = current && current->metadata.uid == worker->first;
      if (!exists && worker->second->state() == PodWorker::State::kFinished) {
        finished.push_back(std::move(worker->second));
        worker = workers_.erase(worker);
        continue;
      }
      known[worker->first] = true;
      ++worker;
    }
  }
  for (auto& worker : finished) dependencies_.executor.Remove(*worker);
  const auto running = RuntimePods(dependencies_.runtime);
  if (!running) return;
  for (const auto& [uid, name] : *running) {
    if (!known.contains(uid)) StopOrphan(uid, name);
  }
  for (const std::string& uid : volumes_.Pods()) {
    if (known.contains(uid) || running->contains(uid)) continue;
    if (const auto down = volumes_.TearDown(uid); !down) {
      log_.Info("orphaned volumes stay", {{"pod", uid}, {"error", down.error().message}});
    }
  }
  RemoveDeadContainers();
}

bool Kubelet::StopOrphan(const std::string& uid, const std::string& name) {
  ContainerRuntime& runtime = dependencies_.runtime;
  const auto observed = ObservePod(runtime, uid);
  if (!observed) return false;
  bool all_gone = true;
  for (const auto& [container_name, attempts] : observed->containers) {
    for (const ObservedContainer& container : attempts) {
      if (!container.IsExited()) (void)runtime.StopContainer(container.status.id, kOrphanGrace);
      all_gone &= runtime.RemoveContainer(container.status.id).has_value();
    }
  }
  for (const cri::SandboxStatus& sandbox : observed->sandboxes) {
    (void)runtime.StopPodSandbox(sandbox.id);
    all_gone &= runtime.RemovePodSandbox(sandbox.id).has_value();
  }
  if (!all_gone) log_.Info("orphaned pod not removed", {{"pod", name.empty() ? uid : name}});
  return all_gone;
}

// Of each container the newest dead one is kept, for its log and its exit code; of sandboxes the
// newest one.
void Kubelet::RemoveDeadContainers() {
  std::vector<std::string> uids;
  {
    MutexLock lock(mutex_);
    for (const auto& [uid, worker] : workers_) uids.push_back(uid);
  }
  ContainerRuntime& runtime = dependencies_.runtime;
  for (const std::string& uid : uids) {
    const auto observed = ObservePod(runtime, uid);
    if (!observed) continue;
    for (const auto& [name, attempts] : observed->containers) {
      size_t dead = 0;
      for (const ObservedContainer& container : attempts) {
        if (container.IsExited() && ++dead > 1) (void)runtime.RemoveContainer(container.status.id);
      }
    }
    for (size_t i = 1; i < observed->sandboxes.size(); ++i) {
      const cri::SandboxStatus& old = observed->sandboxes[i];
      if (old.state == cri::SandboxState::kNotReady) (void)runtime.RemovePodSandbox(old.id);
    }
  }
}

EnvironmentSources Kubelet::EnvironmentFor(const core_v1::Pod& pod) const {
  EnvironmentSources sources;
  Client& client = dependencies_.client;
  const std::string namespace_ = pod.metadata.namespace_;
  sources.config_map = [&client, namespace_](const std::string& name) -> Ptr<core_v1::ConfigMap> {
    auto found = Look<core_v1::ConfigMap>(client, namespace_, name);
    return found ? *found : nullptr;
  };
  sources.secret = [&client, namespace_](const std::string& name) -> Ptr<core_v1::Secret> {
    auto found = Look<core_v1::Secret>(client, namespace_, name);
    return found ? *found : nullptr;
  };
  sources.services = dependencies_.services.ListIn(namespace_);
  if (namespace_ != "default") {
    if (auto master = dependencies_.services.Get({"default", "kubernetes"})) {
      sources.services.push_back(std::move(master));
    }
  }
  sources.node_allocatable = options_.facts.Allocatable();
  return sources;
}

VolumeSources Kubelet::MakeVolumeSources() const {
  Client& client = dependencies_.client;
  VolumeSources sources;
  sources.config_map = [&client](const std::string& namespace_, const std::string& name) {
    return Look<core_v1::ConfigMap>(client, namespace_, name);
  };
  sources.secret = [&client](const std::string& namespace_, const std::string& name) {
    return Look<core_v1::Secret>(client, namespace_, name);
  };
  sources.claim = [&client](const std::string& namespace_, const std::string& name) {
    return Look<core_v1::PersistentVolumeClaim>(client, namespace_, name);
  };
  sources.volume = [&client](const std::string& name) {
    return Look<core_v1::PersistentVolume>(client, "", name);
  };
  sources.token = [&client](const core_v1::Pod& pod, const std::string& audience,
                            int64_t expiration_seconds) -> Result<std::string> {
    Json request = {{"apiVersion", "authentication.k8s.io/v1"},
                    {"kind", "TokenRequest"},
                    {"spec",
                     {{"expirationSeconds", expiration_seconds},
                      {"boundObjectRef",
                       {{"apiVersion", "v1"},
                        {"kind", "Pod"},
                        {"name", pod.metadata.name},
                        {"uid", pod.metadata.uid}}}}}};
    request["spec"]["audiences"] = audience.empty() ? Json::array() : Json::array({audience});
    const Json answer = TRY(client.Create(core_v1::ServiceAccount::Info(),
                                          {pod.metadata.namespace_, pod.spec.service_account_name},
                                          request, "token"));
    return answer.value("/status/token"_json_pointer, std::string());
  };
  sources.node_allocatable = options_.facts.Allocatable();
  return sources;
}

Ptr<core_v1::Pod> Kubelet::FindPod(const std::string& namespace_, const std::string& name) const {
  auto pod = dependencies_.pods.Get({namespace_, name});
  return pod && IsMine(*pod) ? pod : nullptr;
}

std::vector<Ptr<core_v1::Pod>> Kubelet::Pods() const {
  std::vector<Ptr<core_v1::Pod>> pods = dependencies_.pods.List();
  std::erase_if(pods, [&](const auto& pod) { return !IsMine(*pod); });
  return pods;
}

}  // namespace skiff::kubelet
