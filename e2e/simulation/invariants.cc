#include "e2e/simulation/invariants.h"

#include <fmt/format.h>

#include <algorithm>

#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using core_v1::Pod;

constexpr size_t kComplaintsMax = 20;

template <Kind K>
Ptr<K> Read(std::string_view text) {
  auto object = DecodeObject<K>(text);
  CHECK(object.has_value());
  return *object;
}

int Scaled(const std::optional<IntOrString>& value, int replicas, bool round_up) {
  if (!value) return 0;
  const auto scaled = value->ScaledTo(replicas, round_up);
  CHECK(scaled.has_value());
  return *scaled;
}

// Whether its budget was asked before it went.
bool IsEvicted(const Pod& pod) {
  const auto* condition = FindCondition(pod, "DisruptionTarget");
  return condition && condition->status == "True" && condition->reason == "EvictionByEvictionAPI";
}

}  // namespace

Invariants::Invariants(Transport& transport, const Clock& clock, Unheard unheard)
    : client_(transport, "invariants"),
      unheard_(std::move(unheard)),
      laws_({[this](std::string text) { Complain(std::move(text)); }, clock, unheard_.binding,
             unheard_.status}),
      cron_laws_(laws_, unheard_.object) {
  for (const KindInfo* kind :
       {&Pod::Info(), &apps_v1::Deployment::Info(), &apps_v1::ReplicaSet::Info(),
        &core_v1::ReplicationController::Info(), &apps_v1::DaemonSet::Info(),
        &batch_v1::CronJob::Info(), &batch_v1::Job::Info(), &discovery_v1::EndpointSlice::Info(),
        &core_v1::ConfigMap::Info(), &policy_v1::PodDisruptionBudget::Info()}) {
    feeds_.push_back({*kind, "", nullptr});
  }
  for (const KindInfo* kind : Laws::Kinds()) {
    if (kind != &Pod::Info()) feeds_.push_back({*kind, "", nullptr});
  }
  for (Feed& feed : feeds_) Begin(feed);
}

Invariants::~Invariants() = default;

// A watch without a revision shows what is there as it was changed last: a job before its pod, if
// the pod was changed after the job had counted it.
void Invariants::Begin(Feed& feed) {
  const auto list = client_.List(feed.resource, {});
  CHECK(list.has_value());
  for (const Json& object : list->items) Take(feed.resource, object.dump(), false);
  feed.revision = list->resource_version;
}

void Invariants::Complain(std::string text) {
  if (complaints_.size() < kComplaintsMax) complaints_.push_back(std::move(text));
}

void Invariants::Disconnect() {
  for (Feed& feed : feeds_) feed.stream.reset();
}

void Invariants::GuardAvailability(bool on) {
  guards_availability_ = on;
  for (auto& [uid, deployment] : deployments_) deployment.was_available = false;
  served_.clear();
}

bool Invariants::Check() {
  struct Happened {
    uint64_t revision;
    const Resource* resource;
    bool deleted;
    RawJson object;
  };
  std::vector<Happened> all;
  for (Feed& feed : feeds_) {
    std::vector<WatchEvent> events;
    http::Pulled pulled = http::Pulled::kMore;
    while (pulled == http::Pulled::kMore || pulled == http::Pulled::kEnd) {
      if (!feed.stream || pulled == http::Pulled::kEnd) {
        auto stream = client_.Watch(feed.resource, {.resource_version = feed.revision});
        if (!stream) {
          // The store must be able to resume from any revision of this run.
          if (stream.error().reason != Reason::kServiceUnavailable) {
            Complain("a watch was not resumed: " + stream.error().message);
          }
          break;
        }
        feed.stream = std::move(*stream);
        feed.stream->Attach([] {});
      }
      const auto next = feed.stream->Next(events);
      if (!next) {
        Complain("a watch broke off: " + next.error().message);
        feed.stream.reset();
        break;
      }
      pulled = *next;
      if (!events.empty()) {
        feed.revision = ResourceVersionOf(events.back().object.Text());
      }
    }
    for (WatchEvent& event : events) {
      if (event.type == WatchEvent::Type::kBookmark) continue;
      const uint64_t revision = std::stoull(ResourceVersionOf(event.object.Text()));
      const bool deleted = event.type == WatchEvent::Type::kDeleted;
      all.push_back({revision, &feed.resource, deleted, std::move(event.object)});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.revision < b.revision; });
  for (const Happened& one : all) Take(*one.resource, one.object.Text(), one.deleted);
  return !all.empty();
}

void Invariants::Take(const Resource& resource, std::string_view text, bool deleted) {
  laws_.Take(resource.name, text, deleted);
  if (resource.name == "pods") {
    const auto pod = Read<Pod>(text);
    laws_.TakePod(*pod, deleted);
    TakePod(*pod, deleted);
  } else if (resource.name == "deployments") {
    TakeDeployment(*Read<apps_v1::Deployment>(text), deleted);
  } else if (resource.name == "replicasets") {
    TakeSet(*Read<apps_v1::ReplicaSet>(text), deleted);
  } else if (resource.name == "replicationcontrollers") {
    TakeSet(*Read<core_v1::ReplicationController>(text), deleted);
  } else if (resource.name == "daemonsets") {
    const auto set = Read<apps_v1::DaemonSet>(text);
    const auto& rolling = set->spec.update_strategy.rolling_update;
    const bool surges = rolling && Scaled(rolling->max_surge, 100, true) > 0;
    if (surges) surging_.insert(set->metadata.uid);
  } else if (resource.name == "jobs") {
    const auto job = Read<batch_v1::Job>(text);
    TakeJob(*job);
    cron_laws_.TakeJob(*job, deleted);
  } else if (resource.name == "cronjobs") {
    cron_laws_.TakeCronJob(*Read<batch_v1::CronJob>(text), deleted);
  } else if (resource.name == "poddisruptionbudgets") {
    budget_laws_.TakeBudget(*Read<policy_v1::PodDisruptionBudget>(text), deleted);
  } else if (resource.name == "endpointslices" && !deleted) {
    CheckSlice(*Read<discovery_v1::EndpointSlice>(text));
  } else if (resource.name == "configmaps") {
    const auto object = Read<core_v1::ConfigMap>(text);
    laws_.TakeConfigMap(*object);
    if (deleted) {
      config_maps_.erase(KeyOf(*object));
    } else {
      config_maps_[KeyOf(*object)] = object->data;
    }
  }
}

void Invariants::TakePod(const Pod& pod, bool deleted) {
  const std::string& uid = pod.metadata.uid;
  if (!pod.spec.node_name.empty()) {
    const auto [known, is_new] = bound_.emplace(uid, pod.spec.node_name);
    if (!is_new && known->second != pod.spec.node_name) {
      Complain(fmt::format("pod {} was bound to {} and then to {}", pod.metadata.name,
                           known->second, pod.spec.node_name));
    }
  }
  PodState state;
  state.key = KeyOf(pod);
  state.node = pod.spec.node_name;
  if (const auto* owner = ControllerOf(pod.metadata)) {
    state.owner = owner->uid;
    state.is_daemon = owner->kind == "DaemonSet";
    state.is_surging = surging_.contains(owner->uid);
    if (owner->kind == "Job") of_job_[owner->uid].insert(uid);
  }
  state.active = IsActive(pod);
  state.ready = IsReady(pod);
  const bool goes = deleted || !state.active;
  budget_laws_.TakePod(pod, {.serves = state.ready && !goes,
                             .is_doubtful = unheard_.status(state.key),
                             .goes_unasked = goes && !IsEvicted(pod)});
  if (state.ready) once_ready_.insert(uid);
  state.ready |= once_ready_.contains(uid) && unheard_.status(state.key);
  if (deleted) {
    pods_.erase(uid);
  } else {
    pods_[uid] = std::move(state);
  }
  CheckAvailability();
  CheckDaemons();
  if (!deleted) CheckSiblings(pod);
}

void Invariants::Limit::Want(int count, bool is_seen) {
  if (count != wanted) allowed = std::max(allowed, count);
  wanted = count;
  seen = is_seen;
}

bool Invariants::Limit::Accepts(int count) {
  const bool accepted = count <= std::max(allowed, wanted);
  if (seen) allowed = std::max(wanted, count);
  return accepted;
}

template <Kind K>
void Invariants::TakeSet(const K& set, bool deleted) {
  if (deleted) {
    sets_.erase(set.metadata.uid);
    return;
  }
  Set& state = sets_[set.metadata.uid];
  state.key = KeyOf(set);
  if (const auto* owner = ControllerOf(set.metadata)) state.owner = owner->uid;
  state.replicas = set.spec.replicas.value_or(1);
  state.pods.Want(state.replicas, set.status.observed_generation >= set.metadata.generation);
  CheckDeployments();
}

void Invariants::TakeDeployment(const apps_v1::Deployment& deployment, bool deleted) {
  if (deleted) {
    deployments_.erase(deployment.metadata.uid);
    return;
  }
  const int replicas = deployment.spec.replicas.value_or(1);
  const auto& rolling = deployment.spec.strategy.rolling_update;
  DeploymentState& state = deployments_[deployment.metadata.uid];
  state.key = KeyOf(deployment);
  const int least = replicas - (rolling ? Scaled(rolling->max_unavailable, replicas, false) : 0);
  if (least != state.least_available) state.was_available = false;
  state.least_available = least;
  state.replicas.Want(replicas + (rolling ? Scaled(rolling->max_surge, replicas, true) : 0),
                      deployment.status.observed_generation >= deployment.metadata.generation);
  CheckDeployments();
}

// The sets of a deployment ask for no more pods than it may have.
void Invariants::CheckDeployments() {
  for (auto& [uid, deployment] : deployments_) {
    int replicas = 0;
    for (const auto& [set_uid, set] : sets_) {
      if (set.owner != uid || unheard_.object(set_uid) || unheard_.set(set.key)) continue;
      replicas += set.replicas;
    }
    // A controller that sees the wish for a new set and not yet the last one it made makes too
    // many: in Kubernetes, too.
    if (unheard_.lists()) {
      deployment.replicas.allowed = std::max(deployment.replicas.allowed, replicas);
    } else if (!deployment.replicas.Accepts(replicas)) {
      Complain(fmt::format("deployment {} asks for {} pods, more than {}", deployment.key.Text(),
                           replicas, deployment.replicas.wanted));
    }
  }
}

void Invariants::CheckAvailability() {
  for (auto& [uid, deployment] : deployments_) {
    int available = 0;
    for (const auto& [pod_uid, pod] : pods_) {
      const auto set = sets_.find(pod.owner);
      if (set != sets_.end() && set->second.owner == uid && pod.active && pod.ready) ++available;
    }
    if (available >= deployment.least_available) deployment.was_available = true;
    // A controller that was cut off for long takes nodes for silent, and their pods for
    // unavailable: in Kubernetes, too.
    if (!laws_.AreNodesReady()) deployment.was_available = false;
    if (!guards_availability_ || !deployment.was_available) continue;
    if (available >= deployment.least_available) continue;
    Complain(fmt::format("deployment {} has {} available pods, fewer than {}",
                         deployment.key.Text(), available, deployment.least_available));
    deployment.was_available = false;
  }
}

// A daemon set that brings new pods beside the old ones leaves no node without.
void Invariants::CheckDaemons() {
  if (!laws_.AreNodesReady()) served_.clear();
  if (!guards_availability_) return;
  std::set<std::pair<std::string, std::string>> served;
  for (const auto& [uid, pod] : pods_) {
    if (pod.is_surging && pod.active && pod.ready) served.emplace(pod.owner, pod.node);
  }
  for (const auto& each : served_) {
    if (!served.contains(each)) Complain("a surging daemon set leaves " + each.second + " without");
  }
  served_ = std::move(served);
}

// A set or job has no more active pods than it may, and a daemon set one on a node.
void Invariants::CheckSiblings(const Pod& pod) {
  const PodState& state = pods_.at(pod.metadata.uid);
  if (state.owner.empty()) return;
  int siblings = 0, on_node = 0;
  for (const auto& [uid, other] : pods_) {
    if (other.owner != state.owner || !other.active || unheard_.object(uid)) continue;
    ++siblings;
    if (!state.node.empty() && other.node == state.node) ++on_node;
  }
  if (state.is_daemon && on_node > (state.is_surging ? 2 : 1)) {
    Complain(fmt::format("the daemon set of {} has {} pods on {}", state.key.Text(), on_node,
                         state.node));
  }
  const auto set = sets_.find(state.owner);
  if (set != sets_.end() && !set->second.pods.Accepts(siblings)) {
    Complain(fmt::format("set {} has {} active pods, more than {}", set->second.key.Text(),
                         siblings, set->second.replicas));
  }
  const auto job = parallelism_.find(state.owner);
  if (job != parallelism_.end() && siblings > job->second) {
    Complain(fmt::format("the job of {} has {} active pods, more than {}", state.key.Text(),
                         siblings, job->second));
  }
}

void Invariants::TakeJob(const batch_v1::Job& job) {
  parallelism_[job.metadata.uid] = job.spec.parallelism.value_or(1);
  // A pod that the controller did not hear of may end well before it is seen to be one too many: in
  // Kubernetes, too (TooManySucceededPods).
  const auto& pods = of_job_[job.metadata.uid];
  const auto unheard = static_cast<int>(std::count_if(pods.begin(), pods.end(), unheard_.object));
  const int completions = job.spec.completions.value_or(1);
  if (job.status.succeeded > completions + unheard) {
    Complain(
        fmt::format("job {} counts {} succeeded pods of {}, though it missed only {} of its own",
                    job.metadata.name, job.status.succeeded, completions, unheard));
  }
  const auto made = static_cast<int>(pods.size());
  if (job.status.succeeded + job.status.failed > made) {
    Complain(fmt::format("job {} counts {} succeeded and {} failed pods of {} that were made",
                         job.metadata.name, job.status.succeeded, job.status.failed, made));
  }
}

void Invariants::CheckSlice(const discovery_v1::EndpointSlice& slice) {
  for (const auto& endpoint : slice.endpoints) {
    if (!endpoint.conditions.ready.value_or(true) || !endpoint.target_ref) continue;
    if (once_ready_.contains(endpoint.target_ref->uid)) continue;
    Complain(fmt::format("slice {} serves pod {}, which never was ready", slice.metadata.name,
                         endpoint.target_ref->name));
  }
}

void Invariants::CheckOwners() {
  std::set<std::string> uids;
  std::vector<std::pair<std::string, std::string>> owned;  // Whose, and by which uid.
  for (const KindInfo* kind : BuiltInKinds()) {
    if (!kind->HasVerb("list") || kind->kind == "Event") continue;
    const auto list = client_.List(*kind, {});
    if (!list) continue;
    for (const Json& object : list->items) {
      const Json& metadata = object.at("metadata");
      uids.insert(metadata.value("uid", ""));
      for (const Json& owner : metadata.value("ownerReferences", Json::array())) {
        owned.emplace_back(std::string(kind->kind) + " " + metadata.value("name", ""),
                           owner.value("uid", ""));
      }
    }
  }
  for (const auto& [what, owner] : owned) {
    if (!uids.contains(owner)) Complain(what + " has an owner that is gone");
  }
}

std::map<std::string, std::string> Invariants::Versions() {
  std::map<std::string, std::string> versions;
  for (const KindInfo* kind : BuiltInKinds()) {
    const bool is_alive = kind->kind == "Event" || kind->kind == "Lease" || kind->kind == "Node";
    if (!kind->HasVerb("list") || is_alive) continue;
    const auto list = client_.List(*kind, {});
    if (!list) continue;
    for (const Json& object : list->items) {
      const Json& metadata = object.at("metadata");
      const std::string what = fmt::format("{} {}/{}", kind->kind, metadata.value("namespace", ""),
                                           metadata.value("name", ""));
      versions[what] = metadata.value("resourceVersion", "");
    }
  }
  return versions;
}

void Invariants::CheckAcknowledged() {
  Check();
  for (const auto& [key, data] : acknowledged_) {
    const auto found = config_maps_.find(key);
    if (found == config_maps_.end() || found->second != data) {
      Complain(fmt::format("the acknowledged write of {} is lost", key.Text()));
    }
  }
}

}  // namespace skiff
