#include "e2e/simulation/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "controllers/pod_control.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Pod;

constexpr int kJobsMax = 4;
constexpr int kClaimsMax = 6;
constexpr int kPodsOfQuota = 3;
constexpr Duration kQuotaCounts = 5s;
// The longest back-off of a list: who still sees the claim that goes takes the next one for it.
constexpr Duration kKeeperGoes = 90s;
constexpr Duration kClaimGoesMax = 20min;
constexpr Duration kServerBack = 30s;
constexpr char kManifests[] = R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {SETTING: "there"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: choices}
data: {CHOICE: "there"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 1}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: app
        image: "web:1"
        resources: {requests: {cpu: 300m}}
        envFrom:
        - configMapRef: {name: settings}
        - configMapRef: {name: choices, optional: true}
        startupProbe: {exec: {command: ["start"]}, periodSeconds: 2, failureThreshold: 100}
        readinessProbe: {exec: {command: ["answer"]}, periodSeconds: 5, failureThreshold: 2}
        lifecycle: {preStop: {exec: {command: ["leave"]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: v1
kind: ReplicationController
metadata: {name: kitten}
spec:
  replicas: 4
  selector: {app: kitten}
  template:
    metadata: {labels: {app: kitten}}
    spec:
      terminationGracePeriodSeconds: 300
      containers:
      - name: app
        image: "kitten:1"
        envFrom:
        - configMapRef: {name: settings}
        - configMapRef: {name: choices, optional: true}
        livenessProbe: {exec: {command: ["answer"]}, periodSeconds: 5}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: app, image: "agent:1"}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: porter}
spec:
  selector: {matchLabels: {app: porter}}
  updateStrategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app: porter}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: app
        image: "porter:1"
        readinessProbe: {exec: {command: ["answer"]}, periodSeconds: 3}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: first}
value: 1000
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: last}
value: -10
---
apiVersion: v1
kind: ReplicationController
metadata: {name: filler}
spec:
  replicas: 24
  selector: {app: filler}
  template:
    metadata: {labels: {app: filler}}
    spec:
      priorityClassName: last
      terminationGracePeriodSeconds: 3
      containers: [{name: app, image: "filler:1", resources: {requests: {cpu: "1"}}}]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: local}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: Namespace
metadata: {name: small}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: pods, namespace: small}
spec: {hard: {pods: "3"}}
)";

// Comes when the quota counts: what was there before, it leaves alone.
constexpr char kCrowd[] = R"(
apiVersion: v1
kind: ReplicationController
metadata: {name: crowd, namespace: small}
spec:
  replicas: 5
  selector: {app: crowd}
  template:
    metadata: {labels: {app: crowd}}
    spec:
      containers: [{name: app, image: "crowd:1"}]
)";

// A pod that others make room for.
constexpr char kFirst[] = R"(
apiVersion: v1
kind: ReplicationController
metadata: {name: first}
spec:
  replicas: 2
  selector: {app: first}
  template:
    metadata: {labels: {app: first}}
    spec:
      priorityClassName: first
      containers: [{name: app, image: "first:1", resources: {requests: {cpu: "4"}}}]
)";

// A claim that waits for its pod.
constexpr char kKeeper[] = R"(
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: kept}
spec:
  storageClassName: local
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: keeper}
spec:
  replicas: 1
  selector: {app: keeper}
  template:
    metadata: {labels: {app: keeper}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: app, image: "keeper:1"}]
      volumes: [{name: kept, persistentVolumeClaim: {claimName: kept}}]
)";

// Pods that no node can give what they ask for: the one's are refused, the other's never start.
constexpr char kRefused[] = R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: daring}
spec:
  selector: {matchLabels: {app: daring}}
  template:
    metadata: {labels: {app: daring}}
    spec:
      securityContext: {sysctls: [{name: kernel.msgmax, value: "1"}]}
      containers: [{name: refused, image: "daring:1"}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: guest}
spec:
  selector: {matchLabels: {app: guest}}
  template:
    metadata: {labels: {app: guest}}
    spec:
      hostUsers: false
      containers: [{name: refused, image: "guest:1"}]
)";

std::string LabelOf(const Pod& pod) {
  const auto found = pod.metadata.labels.find("app");
  return found == pod.metadata.labels.end() ? "" : found->second;
}

}  // namespace

Workload::Workload(Simulation& simulation)
    : simulation_(simulation),
      cluster_(simulation.cluster()),
      user_(simulation.user_link(), "user") {
  cluster_.Apply(kManifests);
  AddLocalVolume("node-0");
  AddLocalVolume("node-2");
  cluster_.Apply(kKeeper);
  AddJob();
  simulation.RunFor(kQuotaCounts);
  cluster_.Apply(kCrowd);
}

void Workload::Crowd() {
  cluster_.Apply(kFirst);
  first_replicas_ = 2;
  MoveKeeper();
  cluster_.Apply(kRefused);
}

void Workload::Calm() {
  simulation_.RunFor(kServerBack);
  for (const char* name : {"daring", "guest"}) {
    cluster_.Delete<apps_v1::DaemonSet>({"default", name}, {.propagation = "Background"});
  }
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
  cluster_.Apply(kKeeper);
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
  if (jobs_ < kJobsMax && random.Below(80) == 0) AddJob();
  if (claims_ < kClaimsMax && random.Below(60) == 0) AddClaim();
  if (random.Below(60) == 0) ChangeServices();
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

void Workload::Edit() {
  Random& random = simulation_.random();
  switch (random.Below(4)) {
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
    std::erase_if(pods, [](const Pod& pod) { return LabelOf(pod) != "kitten"; });
  }
  if (pods.empty()) return;
  // Whoever goes already is made to hurry rather often.
  for (const Pod& pod : pods) {
    if (!pod.metadata.deletion_timestamp || simulation_.random().Below(2) == 0) continue;
    cluster_.Delete<Pod>(KeyOf(pod), {.grace_period_s = 0});
    return;
  }
  const Pod& victim = pods[simulation_.random().Below(pods.size())];
  if (simulation_.random().Below(5) == 0) {
    cluster_.Delete<Pod>(KeyOf(victim), {.grace_period_s = 0});
  } else {
    cluster_.Delete<Pod>(KeyOf(victim));
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

std::vector<std::string> Workload::Differences() {
  std::vector<std::string> out;
  CheckNodes(out);
  CheckPods(out);
  CheckJobs(out);
  CheckEndpoints(out);
  CheckCrowd(out);
  CheckClaims(out);
  return out;
}

// Those that come first have their places; of the others there are as many as there is room or
// quota for.
void Workload::CheckCrowd(std::vector<std::string>& out) {
  int first = 0, crowd = 0;
  for (const Pod& pod : cluster_.List<Pod>("")) {
    if (LabelOf(pod) == "first" && IsReady(pod)) ++first;
    if (LabelOf(pod) == "crowd" && IsReady(pod)) ++crowd;
  }
  if (first != first_replicas_) {
    out.push_back(fmt::format("{} of {} pods that come first are ready", first, first_replicas_));
  }
  if (crowd != kPodsOfQuota) {
    out.push_back(fmt::format("{} pods are ready where quota allows {}", crowd, kPodsOfQuota));
  }
}

void Workload::CheckClaims(std::vector<std::string>& out) {
  for (const auto& claim : cluster_.List<core_v1::PersistentVolumeClaim>("default")) {
    if (claim.status.phase != "Bound") {
      out.push_back(fmt::format("claim is {}", ToJson(claim).dump()));
    }
  }
}

void Workload::CheckNodes(std::vector<std::string>& out) {
  for (const auto& node : cluster_.List<core_v1::Node>()) {
    if (!node.spec.taints.empty()) {
      out.push_back(fmt::format("node {} is tainted", node.metadata.name));
    }
  }
}

void Workload::CheckPods(std::vector<std::string>& out) {
  const std::map<std::string, std::pair<std::string, int>> wanted = {
      {"web", {fmt::format("web:{}", web_image_), web_replicas_}},
      {"kitten", {"kitten:1", kitten_replicas_}},
      {"agent", {fmt::format("agent:{}", agent_image_), 3}},
      {"keeper", {"keeper:1", 1}},
      {"porter", {fmt::format("porter:{}", porter_image_), 3}}};
  std::map<std::string, int> ready;
  std::set<std::pair<std::string, std::string>> running;
  for (const Pod& pod : cluster_.List<Pod>("")) {
    if (pod.metadata.deletion_timestamp) {
      out.push_back(fmt::format("pod {} does not go", pod.metadata.name));
    }
    const bool waits = pod.spec.node_name.empty();  // For room.
    if (!IsTerminal(pod) && !waits) running.emplace(pod.spec.node_name, pod.metadata.uid);
    const auto app = wanted.find(LabelOf(pod));
    if (app == wanted.end()) continue;
    if (IsReady(pod) && pod.spec.containers[0].image == app->second.first) {
      ++ready[app->first];
    } else if (!IsTerminal(pod)) {  // What ended is kept until there is too much of it.
      out.push_back(fmt::format("pod {} on {} with {} is {}", pod.metadata.name, pod.spec.node_name,
                                pod.spec.containers[0].image, ToJson(pod)["status"].dump()));
    }
  }
  for (const auto& [app, image_and_count] : wanted) {
    if (ready[app] == image_and_count.second) continue;
    out.push_back(
        fmt::format("{} has {} ready pods, not {}", app, ready[app], image_and_count.second));
  }
  if (running != simulation_.RunningPods()) {
    out.push_back("the runtimes run other pods than the API has");
  }
}

void Workload::CheckJobs(std::vector<std::string>& out) {
  for (const auto& job : cluster_.List<batch_v1::Job>()) {
    const int completions = completions_.at(job.metadata.name);
    const bool complete =
        std::any_of(job.status.conditions.begin(), job.status.conditions.end(),
                    [](const auto& it) { return it.type == "Complete" && it.status == "True"; });
    if (complete && job.status.succeeded >= completions && job.status.active == 0) continue;
    out.push_back(fmt::format("job {} has {} of {} succeeded, {} active, {} failed",
                              job.metadata.name, job.status.succeeded, completions,
                              job.status.active, job.status.failed));
  }
}

// Addresses that the service sends traffic to, and those of pods that are ready, must be the same.
void Workload::CheckEndpoints(std::vector<std::string>& out) {
  std::set<std::string> ready, sliced, listed;
  for (const Pod& pod : cluster_.List<Pod>("default")) {
    if (LabelOf(pod) == "web" && IsReady(pod)) ready.insert(pod.status.pod_ip);
  }
  for (const auto& slice : cluster_.List<discovery_v1::EndpointSlice>("default")) {
    if (!slice.metadata.name.starts_with("web-")) continue;
    for (const auto& endpoint : slice.endpoints) {
      if (endpoint.conditions.ready.value_or(true)) sliced.insert(endpoint.addresses.at(0));
    }
  }
  const auto endpoints = cluster_.Get<core_v1::Endpoints>({"default", "web"});
  if (endpoints) {
    for (const auto& subset : endpoints->subsets) {
      for (const auto& address : subset.addresses) listed.insert(address.ip);
    }
  }
  if (sliced != ready) out.emplace_back("the slices are not the ready pods");
  if (listed != ready) out.emplace_back("the endpoints are not the ready pods");
}

}  // namespace skiff
