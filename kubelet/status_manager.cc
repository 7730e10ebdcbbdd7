#include "kubelet/status_manager.h"

#include <algorithm>
#include <cctype>

#include "api/codec/json.h"
#include "api/pods/pod_phase.h"
#include "client/informer.h"
#include "kubelet/pod_conditions.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

// Those who write our statuses may see the node otherwise than we do, and go on doing so: nobody
// shall be kept busy with that.
constexpr Duration kRepairDelay = 10s;

// A list that the server would merge replaces what is there.
void Replace(Json& status, const char* name) {
  const auto list = status.find(name);
  if (list == status.end() || !list->is_array()) return;
  list->insert(list->begin(), Json{{"$patch", "replace"}});
}

bool Has(const core_v1::PodStatus& status, const std::string& condition) {
  return std::any_of(status.conditions.begin(), status.conditions.end(),
                     [&](const auto& each) { return each.type == condition; });
}

// Whether what the kubelet alone decides looks otherwise in the API.
bool Differs(const core_v1::PodStatus& ours, const core_v1::PodStatus& theirs) {
  if (ours.phase != theirs.phase) return true;
  for (const char* passing : {kPodResizePending, kPodResizeInProgress}) {
    if (Has(theirs, passing) && !Has(ours, passing)) return true;
  }
  return std::any_of(ours.conditions.begin(), ours.conditions.end(), [&](const auto& condition) {
    if (!IsOwnCondition(condition.type, condition.reason)) return false;
    const auto same = std::find_if(theirs.conditions.begin(), theirs.conditions.end(),
                                   [&](const auto& other) { return other.type == condition.type; });
    return same == theirs.conditions.end() || same->status != condition.status ||
           same->reason != condition.reason;
  });
}

}  // namespace

class StatusManager::Writer final : public ControlLoop {
 public:
  explicit Writer(StatusManager& manager) : manager_(manager) {}
  Duration Step() override { return manager_.WriteNext(); }

 private:
  StatusManager& manager_;
};

Json StatusPatch(const std::string& uid, const core_v1::PodStatus& status) {
  Json document = ToJson(core_v1::PodStatus::Describe(), &status);
  for (const char* name : {"reason", "message", "podIP", "podIPs", "hostIP", "hostIPs",
                           "initContainerStatuses", "ephemeralContainerStatuses"}) {
    if (!document.contains(name)) document[name] = nullptr;
  }
  for (const char* name : {"resize", "nominatedNodeName", "resourceClaimStatuses"}) {
    document.erase(name);
  }
  Replace(document, "podIPs");
  Replace(document, "hostIPs");
  if (const auto conditions = document.find("conditions"); conditions != document.end()) {
    Json own = Json::array();
    for (Json& condition : *conditions) {
      if (!IsOwnCondition(condition.value("type", ""), condition.value("reason", ""))) continue;
      // A merge alone would keep why it was otherwise.
      for (const char* name : {"reason", "message"}) {
        if (!condition.contains(name)) condition[name] = nullptr;
      }
      own.push_back(std::move(condition));
    }
    // These two come and go; a merge alone would keep them.
    for (const char* passing : {kPodResizePending, kPodResizeInProgress}) {
      if (!Has(status, passing)) own.push_back({{"$patch", "delete"}, {"type", passing}});
    }
    *conditions = std::move(own);
  }
  return {{"metadata", {{"uid", uid}}}, {"status", std::move(document)}};
}

namespace {

using PodConditions = std::vector<core_v1::PodCondition>;

// What a strategic merge of our conditions makes of those that were there, down to the order: ours
// stand as we have them, and before each the others that stood before it.
PodConditions MergedConditions(const PodConditions& before, const core_v1::PodStatus& status) {
  if (status.conditions.empty()) return before;  // Then the patch does not speak of any.
  const auto find = [](const PodConditions& all, const std::string& type) {
    return std::find_if(all.begin(), all.end(),
                        [&](const auto& each) { return each.type == type; });
  };
  const auto stays = [&](const core_v1::PodCondition& old) {
    const auto ours = find(status.conditions, old.type);
    if (ours != status.conditions.end()) return !IsOwnCondition(ours->type, ours->reason);
    return old.type != kPodResizePending && old.type != kPodResizeInProgress;
  };
  PodConditions merged;
  auto next = before.begin();  // Of those that stay.
  for (const core_v1::PodCondition& own : status.conditions) {
    if (!IsOwnCondition(own.type, own.reason)) continue;
    const auto old = find(before, own.type);
    for (; old != before.end() && next < old; ++next) {
      if (stays(*next)) merged.push_back(*next);
    }
    merged.push_back(own);
    int64_t& generation = merged.back().observed_generation;
    if (generation == 0 && old != before.end()) generation = old->observed_generation;
  }
  std::copy_if(next, before.end(), std::back_inserter(merged), stays);
  return merged;
}

// Values by name, and of these lists: ours in place of theirs.
void MergeResources(const core_v1::ResourceRequirements& before,
                    core_v1::ResourceRequirements& merged) {
  merged.limits.insert(before.limits.begin(), before.limits.end());
  merged.requests.insert(before.requests.begin(), before.requests.end());
  if (merged.claims.empty()) merged.claims = before.claims;
}

}  // namespace

core_v1::PodStatus PatchedStatus(const core_v1::PodStatus& before,
                                 const core_v1::PodStatus& status) {
  core_v1::PodStatus merged = status;
  merged.resize = before.resize;
  merged.nominated_node_name = before.nominated_node_name;
  merged.resource_claim_statuses = before.resource_claim_statuses;
  // What it does not know it leaves as it is.
  if (merged.phase.empty()) merged.phase = before.phase;
  if (merged.qos_class.empty()) merged.qos_class = before.qos_class;
  if (!merged.start_time) merged.start_time = before.start_time;
  if (merged.observed_generation == 0) merged.observed_generation = before.observed_generation;
  if (merged.container_statuses.empty()) merged.container_statuses = before.container_statuses;
  if (!merged.extended_resource_claim_status) {
    merged.extended_resource_claim_status = before.extended_resource_claim_status;
  }
  merged.allocated_resources.insert(before.allocated_resources.begin(),
                                    before.allocated_resources.end());
  if (!merged.resources) {
    merged.resources = before.resources;
  } else if (before.resources) {
    MergeResources(*before.resources, *merged.resources);
  }
  merged.conditions = MergedConditions(before.conditions, status);
  return merged;
}

StatusManager::StatusManager(Client& client, const Clock& clock, FindObject object_of)
    : client_(client),
      clock_(clock),
      object_of_(std::move(object_of)),
      answers_([this] { writers_.front()->Wake(); }) {
  for (int i = 0; i < kWriters; ++i) writers_.push_back(std::make_unique<Writer>(*this));
}

StatusManager::~StatusManager() {
  Stop();
}

void StatusManager::Start(Executor& executor) {
  executor_ = &executor;
  for (auto& writer : writers_) executor.Add(*writer);
}

void StatusManager::Stop() {
  if (executor_ == nullptr) return;
  for (auto& writer : writers_) executor_->Remove(*writer);
  executor_ = nullptr;
}

void StatusManager::Queue(const std::string& uid, Entry& entry) {
  if (entry.queued || entry.writing || !entry.IsDue()) return;
  entry.queued = true;
  due_.push_back(uid);
}

void StatusManager::WakeWriter() {
  const size_t next = client_.SendsLater() ? 0 : next_writer_++ % writers_.size();
  writers_[next]->Wake();
}

void StatusManager::Set(const Ptr<core_v1::Pod>& pod, Ptr<core_v1::PodStatus> status) {
  {
    MutexLock lock(mutex_);
    const auto [found, is_new] = entries_.try_emplace(pod->metadata.uid);
    Entry& entry = found->second;
    entry.pod = pod;
    if (entry.version > 0 && *entry.status == *status) return;
    // After a restart of the kubelet nothing may have changed.
    if (is_new && !IsStaticPod(*pod) && pod->status == *status) entry.written = 1;
    entry.status = std::move(status);
    ++entry.version;
    entry.not_before = Duration::zero();  // News are not kept waiting.
    Queue(pod->metadata.uid, entry);
  }
  WakeWriter();
}

void StatusManager::Finish(const Ptr<core_v1::Pod>& pod) {
  {
    MutexLock lock(mutex_);
    Entry& entry = entries_[pod->metadata.uid];
    entry.pod = pod;
    entry.finished = true;
    Queue(pod->metadata.uid, entry);
  }
  WakeWriter();
}

void StatusManager::WriteAgain(const std::string& uid) {
  {
    MutexLock lock(mutex_);
    const auto found = entries_.find(uid);
    if (found == entries_.end() || found->second.version == 0) return;
    ++found->second.version;
    Queue(uid, found->second);
  }
  WakeWriter();
}

void StatusManager::Reconcile(const std::string& uid, const Ptr<core_v1::Pod>& object) {
  {
    MutexLock lock(mutex_);
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    // Whose mirror it is a pod says itself, and who makes it may name any.
    if (KeyOf(*object) != KeyOf(*entry.pod)) return;
    // Of two that are the same the cache has this one anyway.
    if (!entry.known || !IsNewer(*entry.known, object)) entry.known = object;
    if (!PutRight(entry)) return;
    Queue(uid, entry);
  }
  WakeWriter();
}

bool StatusManager::PutRight(Entry& entry) const {
  // What is being written is not seen yet: it is looked at once more when it is written.
  if (entry.writing || entry.version == 0 || entry.version > entry.written) return false;
  const Ptr<core_v1::Pod>& known = entry.known;
  if (!known || WrittenRevision(known->metadata) <= entry.revision) return false;
  // Who ends a pod in the API has the last word: its worker hears of it.
  if (HasEnded(known->status.phase) || !Differs(*entry.status, known->status)) return false;
  ++entry.version;
  entry.not_before = clock_.Monotonic() + kRepairDelay;
  return true;
}

std::optional<core_v1::PodStatus> StatusManager::Latest(const std::string& uid) const {
  MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  if (found == entries_.end() || found->second.version == 0) return std::nullopt;
  return *found->second.status;
}

std::map<std::string, int> StatusManager::CountResizes() const {
  std::map<std::string, int> counts = {{"", 0}};
  MutexLock lock(mutex_);
  for (const auto& [uid, entry] : entries_) {
    if (!entry.status) continue;
    for (const core_v1::PodCondition& condition : entry.status->conditions) {
      if (condition.type == kPodResizeInProgress) ++counts[""];
      if (condition.type != kPodResizePending) continue;
      std::string reason = condition.reason;
      std::transform(reason.begin(), reason.end(), reason.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      ++counts[reason];
    }
  }
  return counts;
}

bool StatusManager::IsSaidToHaveEnded(const std::string& uid) const {
  MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  return found != entries_.end() && found->second.version != 0 &&
         HasEnded(found->second.status->phase);
}

void StatusManager::Forget(const std::string& uid) {
  MutexLock lock(mutex_);
  entries_.erase(uid);
  std::erase(due_, uid);
}

std::optional<StatusManager::Entry> StatusManager::TakeDue(Duration& wait) {
  const Duration now = clock_.Monotonic();
  wait = kNever;
  MutexLock lock(mutex_);
  for (auto uid = due_.begin(); uid != due_.end(); ++uid) {
    Entry& entry = entries_.at(*uid);
    if (entry.not_before > now) {
      wait = std::min(wait, entry.not_before - now);
      continue;
    }
    entry.queued = false;
    entry.writing = true;
    due_.erase(uid);
    return entry;
  }
  return std::nullopt;
}

bool StatusManager::IsNewer(const core_v1::Pod& object, const Ptr<core_v1::Pod>& known) {
  return !known || WrittenRevision(object.metadata) > WrittenRevision(known->metadata);
}

void StatusManager::GiveBack(const Entry& entry, bool written, bool done) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(entry.pod->metadata.uid);
  if (found == entries_.end()) return;
  Entry& now = found->second;
  now.writing = false;
  if (written) now.written = std::max(now.written, entry.version);
  now.revision = std::max(now.revision, entry.revision);
  if (entry.known && IsNewer(*entry.known, now.known)) now.known = entry.known;
  // It may have finished while its status was written: then its removal is still to come.
  if (done && entry.finished && now.pod == entry.pod) now.finished = false;
  now.not_before = done ? Duration::zero() : clock_.Monotonic() + kRetryDelay;
  // Others may have changed it behind that write, and were heard of before its answer was.
  if (written && !now.finished) PutRight(now);
  Queue(entry.pod->metadata.uid, now);
}

bool StatusManager::IsMore() const {
  MutexLock lock(mutex_);
  return !due_.empty();
}

Duration StatusManager::WriteNext() {
  answers_.Deliver();
  if (!answers_.HasRoom()) return kNever;  // What makes some wakes a writer.
  Duration wait = kNever;
  auto entry = TakeDue(wait);
  if (!entry) return wait;
  // One alone may be kept waiting by the server.
  if (!client_.SendsLater() && IsMore()) WakeWriter();
  const auto taken = std::make_shared<Entry>(std::move(*entry));
  if (taken->version == taken->written) {
    RemoveIfFinished(taken);
  } else {
    Write(taken);
  }
  answers_.Deliver();
  return IsMore() ? Duration::zero() : kNever;
}

void StatusManager::Write(const Taken& entry) {
  Ptr<core_v1::Pod> object = object_of_(entry->pod);
  if (!object) return RemoveIfFinished(entry);
  const std::string uid = object->metadata.uid;
  const Ptr<core_v1::Pod>& known = entry->known;
  if (known && known->metadata.uid == uid && IsNewer(*known, object)) object = known;
  client_.PatchStatusLater<core_v1::Pod>(
      answers_, *object,
      std::make_shared<const core_v1::PodStatus>(PatchedStatus(object->status, *entry->status)),
      PatchType::kStrategic, [entry, uid] { return DumpJson(StatusPatch(uid, *entry->status)); },
      [this, entry, object](const Result<Ptr<core_v1::Pod>>& written) {
        WriteDone(entry, object, written);
      });
}

void StatusManager::WriteDone(const Taken& entry, const Ptr<core_v1::Pod>& object,
                              const Result<Ptr<core_v1::Pod>>& written) {
  if (written) {
    entry->revision = WrittenRevision((*written)->metadata);
    entry->known = *written;
    return RemoveIfFinished(entry);
  }
  if (written.error().reason == Reason::kNotFound) return RemoveIfFinished(entry);
  // Of another uid: Invalid; between two writers: Conflict.
  if (written.error().reason == Reason::kInvalid || written.error().reason == Reason::kConflict) {
    const auto current = client_.Get<core_v1::Pod>(KeyOf(*object));
    const bool is_gone = current ? (*current)->metadata.uid != object->metadata.uid
                                 : current.error().reason == Reason::kNotFound;
    if (is_gone) return RemoveIfFinished(entry);  // Another pod has the name by now.
  }
  log_.Info("pod status not written",
            {{"pod", entry->pod->metadata.name}, {"error", written.error().message}});
  GiveBack(*entry, false, false);
}

void StatusManager::RemoveIfFinished(const Taken& entry) {
  // Nothing of it runs, or it would not have finished: its phase need not be asked.
  if (!entry->finished || !entry->pod->metadata.deletion_timestamp) {
    return GiveBack(*entry, true, true);
  }
  DeleteOptions options;
  options.grace_period_s = 0;
  options.uid = entry->pod->metadata.uid;
  client_.DeleteLater<core_v1::Pod>(
      answers_, KeyOf(*entry->pod), options, [this, entry](const Result<>& deleted) {
        const bool gone = deleted || deleted.error().reason == Reason::kNotFound ||
                          deleted.error().reason == Reason::kConflict;
        GiveBack(*entry, true, gone);
        if (!gone) return;
        // Until its worker hears of that it may say again that it has finished.
        MutexLock lock(mutex_);
        const auto found = entries_.find(entry->pod->metadata.uid);
        if (found != entries_.end()) found->second.not_before = kNever;
      });
}

}  // namespace skiff::kubelet
