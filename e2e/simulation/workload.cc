#include "e2e/simulation/workload.h"

#include <fmt/format.h>

#include "e2e/simulation/workload_manifests.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Pod;

constexpr int kJobsMax = 4;
constexpr int kClaimsMax = 6;
constexpr int kMembersMax = 3;
constexpr Duration kQuotaCounts = 5s;
// The longest back-off of a list: who still sees the claim that goes takes the next one for it.
constexpr Duration kKeeperGoes = 90s;
constexpr Duration kClaimGoesMax = 20min;
constexpr Duration kServerBack = 30s;

}  // namespace

Workload::Workload(Simulation& simulation)
    : simulation_(simulation),
      cluster_(simulation.cluster()),
      user_(simulation.user_link(), "user") {
  cluster_.Apply(kUsualManifests);
  AddLocalVolume("node-0");
  AddLocalVolume("node-2");
  for (int i = 0; i < kMembersMax; ++i) AddMemberVolume(i);
  cluster_.Apply(kKeeperManifests);
  AddJob();
  simulation.RunFor(kQuotaCounts);
  cluster_.Apply(kCrowdManifests);
}

void Workload::Crowd() {
  cluster_.Apply(kFirstManifests);
  first_replicas_ = 2;
  MoveKeeper();
  cluster_.Apply(kRefusedManifests);
}

void Workload::Calm() {
  simulation_.RunFor(kServerBack);
  for (const char* name : {"daring", "guest"}) {
    cluster_.Delete<apps_v1::DaemonSet>({"default", name}, {.propagation = "Background"});
  }
  cluster_.Edit<batch_v1::CronJob>({"default", "rounds"},
                                   [](auto& it) { it.spec.suspend = true; });
}

// Its claim goes, and another one of the same name comes: what the first one had is not free for
// it, though it bears its name.
void Workload::MoveKeeper() {
  cluster_.Delete<core_v1::ReplicationController>({"default", "keeper"},
                                                  {.propagation = "Background"});
  cluster_.Delete<core_v1::PersistentVolumeClaim>({"default", "kept"});
  const auto is_there = [&] {
    return cluster_.Get<core_v1::PersistentVolumeClaim>({"default", "kept"}) != nullptr;
  };
  for (Duration waited{}; is_there() && waited < kClaimGoesMax; waited += kKeeperGoes) {
    simulation_.RunFor(kKeeperGoes);
  }
  simulation_.RunFor(kKeeperGoes);
  for (const auto& volume : cluster_.List<core_v1::PersistentVolume>()) {
    if (!volume.spec.claim_ref) cluster_.Delete<core_v1::PersistentVolume>(KeyOf(volume));
  }
  AddLocalVolume("node-1");
  cluster_.Apply(kKeeperManifests);
}

void Workload::AddLocalVolume(const std::string& node) {
  cluster_.Apply(fmt::format(R"(
apiVersion: v1
kind: PersistentVolume
metadata: {{name: local-{0}}}
spec:
  storageClassName: local
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  local: {{path: /nonexistent}}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: ["{0}"]}}]
)", node));
}

void Workload::Act() {
  Random& random = simulation_.random();
  if (random.Below(4) == 0) WriteConfigMap();
  if (simulation_.DiskIsFull() || !cluster_.TakesWrites()) return;
  if (random.Below(20) == 0) Edit();
  if (random.Below(20) == 0) DeletePod();
  if (random.Below(30) == 0) DeleteFillers();
  if (jobs_ < kJobsMax && random.Below(80) == 0) AddJob();
  if (claims_ < kClaimsMax && random.Below(60) == 0) AddClaim();
  if (random.Below(60) == 0) ChangeServices();
  if (random.Below(80) == 0) TellNews();
}

void Workload::Roll() {
  ++porter_image_;
  cluster_.Edit<apps_v1::DaemonSet>({"default", "porter"}, [&](auto& it) {
    it.spec.template_.spec.containers[0].image = fmt::format("porter:{}", porter_image_);
  });
  ++web_image_;
  const std::string choices = fmt::format("web-{}", web_image_);
  AddChoices(choices);
  cluster_.Edit<apps_v1::Deployment>({"default", "web"}, [&](auto& it) {
    auto& container = it.spec.template_.spec.containers[0];
    container.image = fmt::format("web:{}", web_image_);
    container.env_from[1].config_map_ref->name = choices;
  });
}

void Workload::Drain() {
  if (simulation_.random().Below(3) != 0 || !cluster_.TakesWrites()) return;
  auto pods = cluster_.List<Pod>("default");
  std::erase_if(pods, [](const Pod& pod) { return AppOf(pod) != "voter"; });
  if (pods.empty()) return;
  // Often refused, by the budget or by the network.
  (void)user_.Evict(KeyOf(pods[simulation_.random().Below(pods.size())]));
}

void Workload::Edit() {
  Random& random = simulation_.random();
  switch (random.Below(6)) {
    case 0:
      Roll();
      return;
    case 1:
      web_replicas_ = 2 + static_cast<int>(random.Below(6));
      cluster_.Edit<apps_v1::Deployment>({"default", "web"},
                                         [&](auto& it) { it.spec.replicas = web_replicas_; });
      return;
    case 2:
      kitten_replicas_ = static_cast<int>(random.Below(6));
      cluster_.Edit<core_v1::ReplicationController>(
          {"default", "kitten"}, [&](auto& it) { it.spec.replicas = kitten_replicas_; });
      return;
    case 3:
      ++member_image_;
      cluster_.Edit<apps_v1::StatefulSet>({"default", "member"}, [&](auto& it) {
        it.spec.template_.spec.containers[0].image = fmt::format("member:{}", member_image_);
      });
      return;
    case 4:
      member_replicas_ = 1 + static_cast<int>(random.Below(kMembersMax));
      cluster_.Edit<apps_v1::StatefulSet>({"default", "member"},
                                          [&](auto& it) { it.spec.replicas = member_replicas_; });
      return;
    default:
      ++agent_image_;
      cluster_.Edit<apps_v1::DaemonSet>({"default", "agent"}, [&](auto& it) {
        it.spec.template_.spec.containers[0].image = fmt::format("agent:{}", agent_image_);
      });
  }
}

void Workload::DeletePod() {
  auto pods = cluster_.List<Pod>("default");
  // Those that may take long to go, as often as all others.
  if (simulation_.random().Below(2) == 0) {
    std::erase_if(pods, [](const Pod& pod) { return AppOf(pod) != "kitten"; });
  }
  if (pods.empty()) return;
  // Whoever goes already is made to hurry rather often, but for those of whom there must never be
  // two: who forces them to be forgotten answers for that.
  const auto may_be_forced = [](const Pod& pod) { return AppOf(pod) != "member"; };
  for (const Pod& pod : pods) {
    if (!pod.metadata.deletion_timestamp || simulation_.random().Below(2) == 0) continue;
    if (!may_be_forced(pod)) continue;
    cluster_.Delete<Pod>(KeyOf(pod), {.grace_period_s = 0});
    return;
  }
  const Pod& victim = pods[simulation_.random().Below(pods.size())];
  if (simulation_.random().Below(5) == 0 && may_be_forced(victim)) {
    cluster_.Delete<Pod>(KeyOf(victim), {.grace_period_s = 0});
  } else {
    cluster_.Delete<Pod>(KeyOf(victim));
  }
}

// Others come in their places, which are few: of those that wait as many as there is room for.
void Workload::DeleteFillers() {
  constexpr int kAtOnce = 3;
  auto pods = cluster_.List<Pod>("default");
  std::erase_if(pods, [](const Pod& pod) {
    return AppOf(pod) != "filler" || pod.spec.node_name.empty() || pod.metadata.deletion_timestamp;
  });
  for (int i = 0; i < kAtOnce && !pods.empty(); ++i) {
    const size_t chosen = simulation_.random().Below(pods.size());
    cluster_.Delete<Pod>(KeyOf(pods[chosen]));
    pods.erase(pods.begin() + static_cast<ptrdiff_t>(chosen));
  }
}

void Workload::AddJob() {
  Random& random = simulation_.random();
  batch_v1::Job job;
  job.metadata.namespace_ = "default";
  job.metadata.name = fmt::format("job-{}", jobs_++);
  job.spec.completions = 1 + static_cast<int>(random.Below(5));
  job.spec.parallelism = 1 + static_cast<int>(random.Below(3));
  job.spec.backoff_limit = 1000;  // Faults are no fault of the job's.
  auto& pod_template = job.spec.template_;
  pod_template.spec.restart_policy = random.Below(2) == 0 ? "Never" : "OnFailure";
  auto& container = pod_template.spec.containers.emplace_back();
  container.name = "task";
  container.image = "task:1";
  completions_[job.metadata.name] = *job.spec.completions;
  AddChoices(job.metadata.name);
  container.env_from.emplace_back().config_map_ref.Ensure().name = "settings";
  auto& choices = container.env_from.emplace_back().config_map_ref.Ensure();
  choices.name = job.metadata.name;
  choices.optional = true;
  cluster_.Apply(job);
}

// What containers may do without, and no kubelet has asked for yet.
void Workload::AddChoices(const std::string& name) {
  ConfigMap choices;
  choices.metadata.namespace_ = "default";
  choices.metadata.name = name;
  choices.data["CHOICE"] = "there";
  cluster_.Apply(choices);
}

// A volume, and two claims that it would suit: one of them waits.
void Workload::AddClaim() {
  const std::string size = "1Gi";
  core_v1::PersistentVolume volume;
  volume.metadata.name = fmt::format("volume-{}", claims_);
  volume.spec.capacity["storage"] = *Quantity::Parse(size);
  volume.spec.access_modes = {"ReadWriteOnce"};
  volume.spec.storage_class_name = "by-hand";
  volume.spec.persistent_volume_reclaim_policy = "Retain";
  volume.spec.host_path.emplace().path = "/nonexistent";
  cluster_.Apply(volume);
  core_v1::PersistentVolumeClaim claim;
  claim.metadata.namespace_ = "default";
  claim.metadata.name = fmt::format("claim-{}", claims_++);
  claim.spec.storage_class_name = "by-hand";
  claim.spec.access_modes = {"ReadWriteOnce"};
  claim.spec.resources.requests["storage"] = *Quantity::Parse(size);
  cluster_.Apply(claim);
}

// What a member of the StatefulSet keeps, on whatever node it is.
void Workload::AddMemberVolume(int number) {
  core_v1::PersistentVolume volume;
  volume.metadata.name = fmt::format("member-volume-{}", number);
  volume.spec.capacity["storage"] = *Quantity::Parse("1Gi");
  volume.spec.access_modes = {"ReadWriteOnce"};
  volume.spec.storage_class_name = "members";
  volume.spec.persistent_volume_reclaim_policy = "Retain";
  volume.spec.host_path.emplace().path = "/nonexistent";
  cluster_.Apply(volume);
}

// Services come and go: what one had another may get.
void Workload::ChangeServices() {
  const std::string name = fmt::format("short-{}", simulation_.random().Below(4));
  if (cluster_.Get<core_v1::Service>({"default", name})) {
    cluster_.Delete<core_v1::Service>({"default", name});
    return;
  }
  core_v1::Service service;
  service.metadata.namespace_ = "default";
  service.metadata.name = name;
  service.spec.type = "NodePort";
  service.spec.selector["app"] = "kitten";
  service.spec.ports.emplace_back().port = 80;
  cluster_.Apply(service);
}

// Both of its keys say the same, always.
void Workload::TellNews() {
  const std::string text = std::to_string(++news_);
  cluster_.Edit<ConfigMap>({"default", "news"}, [&](auto& it) {
    it.data = {{"first", text}, {"second", text}};
  });
}

// Made once, and changed once at most, by the version that the answer to the first write gave: so
// that a late one cannot undo what was acknowledged later.
void Workload::WriteConfigMap() {
  ConfigMap object;
  object.metadata.namespace_ = "default";
  object.metadata.name = fmt::format("number-{}", config_maps_++);
  object.data["value"] = "made";
  const auto made = user_.Create(object);
  if (!made) return;
  simulation_.invariants().Acknowledged(**made);
  if (simulation_.random().Below(2) == 0) return;
  ConfigMap changed = **made;
  changed.data["value"] = "changed";
  const auto written = user_.Update(changed);
  if (written) {
    simulation_.invariants().Acknowledged(**written);
  } else {
    simulation_.invariants().InDoubt(KeyOf(changed));
  }
}

}  // namespace skiff
