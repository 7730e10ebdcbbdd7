#include "e2e/simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/scoped_informer.h"
#include "controllers/scheduler/scheduler.h"
#include "e2e/simulation/simulated_http.h"
#include "kubelet/kubelet.h"
#include "kubelet/pod_observed.h"

namespace skiff {
namespace {

constexpr Duration kStep = 500ms;
constexpr Duration kCalmStep = 2s;
constexpr Duration kFilesLookedAt = 2s;
// Longer than crash loops, job back-offs and evictions take.
constexpr Duration kSettleMax = 40min;
constexpr Duration kLookAgain = 20s;
constexpr Duration kRest = 1min;
// Longer than nodes may be silent, and what it takes to see that.
constexpr Duration kOutage = 4min;
// Of all parts together at one moment.
constexpr int kStepsMax = 100'000;
constexpr int kTurnsMax = 5'000;
constexpr LinkFaults kLinkFaults = {.loss = 0.01, .late = 0.01};

ListOptions PodsOf(const std::string& node) {
  ListOptions scope;
  scope.field_selector = "spec.nodeName=" + node;
  return scope;
}

// A node may read the pods that are its own, and no others.
struct KubeletWithPods {
  KubeletWithPods(Manager& manager, const Clock& clock, Random& random, const std::string& name)
      : pods({manager.client(), clock, random}, PodsOf(name)) {}
  ~KubeletWithPods() { pods.Stop(); }

  ScopedInformer<core_v1::Pod> pods;
  std::unique_ptr<kubelet::Kubelet> kubelet;
};

TestCluster::Options ClusterOptions(uint64_t seed) {
  TestCluster::Options options;
  options.seed = seed;
  options.run_controllers = false;  // They run as processes of their own.
  options.durable = true;
  options.authorization_modes = {"Node", "RBAC"};
  return options;
}

}  // namespace

Simulation::Simulation(SimulationOptions options)
    : random_(options.seed * 7919 + 1),
      cluster_(std::make_unique<TestCluster>(ClusterOptions(options.seed))),
      user_link_(cluster_->transport(), cluster_->clock(), random_) {
  cluster_->executor().Add(user_link_);
  const auto any_link = [this](auto says) {
    return [this, says](const auto& what) {
      return std::any_of(machines_.begin(), machines_.end(),
                         [&](const auto& each) { return says(*each->link, what); });
    };
  };
  invariants_ = std::make_unique<Invariants>(
      cluster_->transport(), cluster_->clock(),
      Invariants::Unheard{any_link([](const Link& link, const std::string& uid) {
                            return link.unheard_objects().contains(uid);
                          }),
                          any_link([](const Link& link, const std::string& uid) {
                            return link.unheard_bindings().contains(uid);
                          }),
                          any_link([](const Link& link, const ObjectKey& pod) {
                            return link.late_writes().contains(fmt::format(
                                "/api/v1/namespaces/{}/pods/{}/status", pod.namespace_, pod.name));
                          }),
                          any_link([](const Link& link, const ObjectKey& set) {
                            return link.late_writes().contains(
                                fmt::format("/apis/apps/v1/namespaces/{}/replicasets/{}",
                                            set.namespace_, set.name));
                          }),
                          [this] { return lists_lag_; }});
  node_laws_ = std::make_unique<NodeLaws>(cluster_->clock(), invariants_->laws());
  file_laws_ = std::make_unique<FileLaws>(cluster_->clock(), invariants_->laws());
  AddMachine("controllers", {"system:kube-controller-manager", {"system:authenticated"}});
  Machine& scheduler =
      AddMachine("scheduler", {"system:kube-scheduler", {"system:authenticated"}});
  scheduler.blocking = std::make_unique<WaitingExecutor>(cluster_->clock());
  scheduler.link->WaitIn(*scheduler.blocking);
  for (int i = 0; i < options.nodes; ++i) AddNode(i);
  for (const auto& machine : machines_) Start(*machine);
  RunFor(5s);
}

void Simulation::AddNode(int number) {
  const std::string name = fmt::format("node-{}", number);
  Machine& node =
      AddMachine(name, {"system:node:" + name, {"system:nodes", "system:authenticated"}});
  node.pod_cidr = fmt::format("10.128.{}.0/24", number);
  node.blocking = std::make_unique<WaitingExecutor>(cluster_->clock());
  node.disk = std::make_unique<SimulatedDisk>();
  node.containers = std::make_unique<SimulatedContainers>(cluster_->clock(), *node.blocking,
                                                          invariants_->laws());
  node.runtime = std::make_unique<cri::FakeRuntime>(*node.clock, random_, node.pod_cidr,
                                                    node.containers.get());
  nodes_.push_back(&node);
}

Simulation::~Simulation() {
  invariants_->Disconnect();
  for (const auto& machine : machines_) {
    machine->link->Break();
    machine->program.reset();
    cluster_->executor().Remove(*machine->link);
  }
  cluster_->executor().Remove(user_link_);
}

Simulation::Machine& Simulation::AddMachine(const std::string& name, LinkIdentity identity) {
  auto machine = std::make_unique<Machine>();
  machine->name = name;
  machine->clock = std::make_unique<MachineClock>(cluster_->clock());
  machine->link = std::make_unique<Link>(cluster_->transport(), cluster_->clock(), random_,
                                         std::move(identity));
  cluster_->executor().Add(*machine->link);
  return *machines_.emplace_back(std::move(machine));
}

void Simulation::Start(Machine& machine) {
  machine.link->Mend();
  machine.partitioned = false;
  ++machine.life;
  if (machine.containers) machine.containers->KubeletStarts();
  // Of a kubelet only what it runs in an executor of its own may wait.
  const bool may_wait = machine.blocking && !machine.runtime;
  Executor& executor = may_wait ? static_cast<Executor&>(*machine.blocking) : cluster_->executor();
  machine.program = std::make_unique<SimulatedProgram>(
      *cluster_, executor, *machine.link, *machine.clock,
      machine.runtime ? "kubelet" : machine.name,
      [&](Manager& manager) -> std::shared_ptr<void> {
        if (machine.runtime) return MakeKubelet(manager, machine);
        if (machine.name == "scheduler") {
          scheduler::AddScheduler(manager);
        } else {
          AddControllers(manager, {.root_ca = "the cluster's"});
        }
        return nullptr;
      });
}

std::shared_ptr<void> Simulation::MakeKubelet(Manager& manager, Machine& machine) {
  kubelet::KubeletOptions options;
  options.node_name = machine.name;
  options.root = machine.disk->root();
  options.node_ips = {"192.0.2.1"};
  options.facts.milli_cpu = 8000;
  options.facts.memory_bytes = int64_t{32} << 30;
  options.facts.ephemeral_storage_bytes = int64_t{100} << 30;
  options.facts.hostname = machine.name;
  options.writes_files = false;
  options.makes_volumes = true;
  auto node = std::make_shared<KubeletWithPods>(manager, *machine.clock, cluster_->random(),
                                                machine.name);
  node->kubelet = std::make_unique<kubelet::Kubelet>(
      options, kubelet::KubeletDependencies{
                   manager.client(), *machine.clock, cluster_->random(), *machine.runtime,
                   node->pods.informer(), manager.informer<core_v1::Service>(),
                   manager.Recorder("kubelet", machine.name), cluster_->executor(), &loops_, nullptr,
                   machine.blocking.get(), MakeProber(machine), *machine.disk});
  node->kubelet->Start();
  node->pods.Start(cluster_->executor());
  return node;
}

kubelet::HttpProber Simulation::MakeProber(Machine& machine) {
  const auto get = [&machine](const std::string& container_id,
                              const std::string& path) -> std::optional<int> {
    const auto container = machine.runtime->ContainerStatus(container_id);
    if (!container) return std::nullopt;
    return machine.containers->Get(*container, path);
  };
  return [http = SimulatedHttp{cluster_->executor(), cluster_->clock(), random_, get}](
             const core_v1::Probe& probe, const kubelet::ProbeSubject& subject,
             std::function<void(kubelet::ProbeOutcome)> done) {
    return http.Start(probe, subject, std::move(done));
  };
}

Duration Simulation::Seconds(int least, int most) {
  return std::chrono::seconds(least + static_cast<int>(random_.Below(most - least + 1)));
}

void Simulation::Restore(bool all) {
  const Duration now = Now();
  if (disk_is_full_ && (all || now >= disk_has_room_at_)) {
    disk_is_full_ = false;
    cluster_->FillDisk(false);
  }
  if (all) {
    for (const auto& machine : machines_) machine->clock->SetOffset({});
  }
  // A store cannot be opened on a full disk: whoever starts the server tries until it can.
  const bool may_start = !disk_is_full_ && (all || now >= server_back_at_);
  if (!cluster_->ServerRuns() && may_start) cluster_->StartServer();
  for (const auto& machine : machines_) {
    // It was to die in the middle of its requests, and has come there.
    if (machine->program && machine->link->IsBroken() && !machine->partitioned) {
      Crash(*machine, Seconds(0, 10));
    }
    if (!all && now < machine->back_at) continue;
    if (!machine->program) {
      Start(*machine);
    } else if (machine->partitioned || all) {
      machine->link->Mend();
      machine->partitioned = false;
    }
  }
}

void Simulation::SetFaults(LinkFaults faults) {
  user_link_.SetFaults(faults);
  for (const auto& machine : machines_) machine->link->SetFaults(faults);
}

void Simulation::FinishTasks(bool may_fail) {
  for (const Machine* node : nodes_) {
    for (const std::string& id : node->runtime->RunningNamed("task")) {
      if (Chance(50)) node->runtime->Exit(id, may_fail && Chance(150) ? 1 : 0);
    }
  }
}

void Simulation::RunWithFaults(Duration length, FaultKinds kinds,
                               const std::function<void()>& act) {
  if (kinds.messages) SetFaults(kLinkFaults);
  const Duration end = Now() + length;
  while (Now() < end && !never_rests_) {
    if (kinds.messages) StrikeMessages(kinds);
    if (kinds.processes) StrikeProcesses(kinds);
    if (kinds.nodes) StrikeNodes();
    if (kinds.clocks) StrikeClocks();
    if (kinds.disk) StrikeDisk();
    Restore(false);
    if (act) act();
    FinishTasks(kinds.nodes);
    RunFor(kStep);
    Look();
  }
  SetFaults({});
}

void Simulation::RunOutage() {
  std::vector<Duration> lost_again;  // When each node is.
  for (Machine* node : nodes_) {
    node->link->Break();
    node->partitioned = true;
    node->runtime->SetNetworkReady(false);
    node->back_at = Now() + Seconds(50, 90);
    lost_again.push_back(node->back_at + Seconds(12, 20));
  }
  ++faults_["outage"];
  for (const Duration end = Now() + kOutage; Now() < end && !never_rests_;) {
    Restore(false);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (Now() < lost_again[i] || nodes_[i]->partitioned) continue;
      nodes_[i]->link->Break();
      nodes_[i]->partitioned = true;
      nodes_[i]->back_at = end;
    }
    RunFor(kStep);
    Look();
  }
  for (const Machine* node : nodes_) node->runtime->SetNetworkReady(true);
}

void Simulation::Look() {
  LookAtDisk();
  LookAtLists();
  invariants_->Check();
  LookAtNodes();
}

// What a controller knows is what is so, unless a watch of it was behind since the last look: while
// one was and another was not, it saw a wish without what it had done before.
void Simulation::LookAtLists() {
  const Link& link = *machines_.front()->link;
  const bool follows = machines_.front()->program && link.Follows("deployments") &&
                       link.Follows("replicasets");
  const bool broke = link.breaks() != list_breaks_;
  lists_lag_ = broke || !follows || !lists_followed_;
  lists_followed_ = follows;
  list_breaks_ = link.breaks();
}

// A store that finds its disk full tells whoever must act, once.
void Simulation::LookAtDisk() {
  const bool refuses = cluster_->ServerRuns() && !cluster_->TakesWrites();
  if (refuses && !was_refusing_) ++disk_alarms_;
  was_refusing_ = refuses;
}

void Simulation::Mend() {
  SetFaults({});
  Restore(true);
}

bool Simulation::Settle(const std::function<bool()>& settled) {
  Mend();
  const Duration end = Now() + kSettleMax;
  Duration look_at = Now();
  while (Now() < end && !never_rests_) {
    FinishTasks(false);
    RunFor(kCalmStep);
    LookAtLists();
    const bool happened = invariants_->Check();
    LookAtNodes();
    // Not everything that may be awaited is an event of what the invariants watch.
    if (!happened && Now() < look_at) continue;
    look_at = Now() + kLookAgain;
    if (settled()) return true;
  }
  return false;
}

std::vector<std::string> Simulation::WrittenAtRest() {
  RunFor(kLookAgain);
  const auto before = invariants_->Versions();
  RunFor(kRest);
  invariants_->Check();
  std::vector<std::string> written;
  for (const auto& [what, version] : invariants_->Versions()) {
    const auto found = before.find(what);
    if (found == before.end() || found->second != version) written.push_back(what);
  }
  return written;
}

bool Simulation::RunWaiting() {
  return std::any_of(machines_.begin(), machines_.end(), [](const auto& machine) {
    return machine->blocking && machine->blocking->RunOne();
  });
}

void Simulation::RunFor(Duration length) {
  SteppedExecutor& executor = cluster_->executor();
  const Duration end = Now() + length;
  for (int turns = 0; !never_rests_; ++turns) {
    never_rests_ = !executor.RunUntilIdle(kStepsMax) || turns > kTurnsMax;
    if (never_rests_) invariants_->laws().Broken("somebody never comes to rest");
    if (RunWaiting()) continue;
    turns = 0;
    Duration next = executor.NextDue();
    for (const auto& machine : machines_) {
      if (machine->blocking) next = std::min(next, machine->blocking->NextDue());
    }
    if (next > end) break;
    cluster_->clock().Advance(std::max(next - Now(), Duration::zero()));
  }
  cluster_->clock().Advance(std::max(end - Now(), Duration::zero()));
}

bool Simulation::Reaches(const Machine& machine) const {
  return cluster_->ServerRuns() && !disk_is_full_ && machine.program && !machine.partitioned &&
         !machine.link->IsBroken() && !machine.link->IsBad();
}

bool Simulation::AnyControllerAway() const {
  return std::any_of(machines_.begin(), machines_.end(),
                     [&](const auto& each) { return !each->runtime && !Reaches(*each); });
}

void Simulation::LookAtNodes() {
  std::vector<NodeLaws::NodeView> views;
  for (Machine* node : nodes_) {
    const bool is_connected = Reaches(*node) && Now() >= node->stops_fail_until;
    views.push_back({.name = node->name,
                     .life = node->program ? node->life : 0,
                     .is_connected = is_connected,
                     .containers = ContainersOf(*node),
                     .stops_begun = node->containers->stops_begun()});
  }
  node_laws_->Look(views, !AnyControllerAway());
  LookAtFiles();
}

// Which takes as long as all else that is looked at.
void Simulation::LookAtFiles() {
  if (Now() < look_at_files_at_) return;
  look_at_files_at_ = Now() + kFilesLookedAt;
  for (Machine* node : nodes_) {
    for (const cri::Container& container : ContainersOf(*node)) {
      const bool runs = container.state == cri::ContainerState::kRunning;
      if (!runs || container.metadata.name != kReader) continue;
      const auto* pod = invariants_->laws().FindPod(container.labels.at(kubelet::kPodUidLabel));
      if (pod == nullptr || pod->told_at != kNever || pod->has_ended) continue;
      const auto status = node->runtime->ContainerStatus(container.id);
      CHECK(status.has_value());
      file_laws_->Look(*status, pod->name, node_laws_->ConnectedSince(node->name));
    }
  }
}

std::set<std::string> Simulation::Read(const std::string& path) {
  std::set<std::string> texts;
  for (Machine* node : nodes_) {
    for (const cri::Container& container : ContainersOf(*node)) {
      if (container.state != cri::ContainerState::kRunning) continue;
      const auto status = node->runtime->ContainerStatus(container.id);
      CHECK(status.has_value());
      if (const auto text = ReadMounted(status->mounts, path)) texts.insert(*text);
    }
  }
  return texts;
}

// Listed again when they have changed: somebody looks at every step.
const std::vector<cri::Container>& Simulation::ContainersOf(Machine& node) {
  const uint64_t changes = node.runtime->changes();
  if (node.containers_seen_at != changes) {
    auto containers = node.runtime->ListContainers({});
    CHECK(containers.has_value());
    node.containers_seen = std::move(*containers);
    node.containers_seen_at = changes;
  }
  return node.containers_seen;
}

std::set<std::pair<std::string, std::string>> Simulation::RunningPods() {
  std::set<std::pair<std::string, std::string>> pods;
  for (Machine* node : nodes_) {
    for (const cri::Container& container : ContainersOf(*node)) {
      if (container.state != cri::ContainerState::kRunning) continue;
      pods.emplace(node->name, container.labels.at(kubelet::kPodUidLabel));
    }
  }
  return pods;
}

std::string Simulation::FaultsText() const {
  int losses = user_link_.losses();
  for (const auto& machine : machines_) losses += machine->link->losses();
  std::string text = fmt::format("lost or late messages {}", losses);
  for (const auto& [name, count] : faults_) text += fmt::format(", {} {}", name, count);
  return text;
}

}  // namespace skiff
