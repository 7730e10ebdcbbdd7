#include "kubelet/resizes.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <tuple>

#include "api/codec/typed.h"
#include "api/rules/pods/pod_resources.h"
#include "base/whole_file.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr char kAllotted[] = "allocated_pods_state";
constexpr char kActuated[] = "actuated_pods_state";

}  // namespace

Resizes::Resizes(Settings settings, std::function<void(const std::string& pod_uid)> retry)
    : settings_(std::move(settings)), retry_(std::move(retry)) {
  MutexLock lock(mutex_);
  allotted_ = Load(kAllotted);
  actuated_ = Load(kActuated);
}

// What cannot be read is as good as absent: pods then have what their specs ask for.
Resizes::Checkpoint Resizes::Load(const char* name) const {
  Checkpoint out;
  if (settings_.directory.empty()) return out;
  const auto text = ReadWholeFile(settings_.directory + "/" + name);
  if (!text) return out;
  const Json document = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto entries = document.find("entries");
  if (!document.is_object() || entries == document.end() || !entries->is_object()) return out;
  for (const auto& [uid, containers] : entries->items()) {
    if (!containers.is_object()) continue;
    for (const auto& [container, amounts] : containers.items()) {
      if (auto read = FromJson<core_v1::ResourceRequirements>(amounts)) {
        out[uid][container] = std::move(*read);
      }
    }
  }
  return out;
}

void Resizes::Save(const char* name, Checkpoint Resizes::*checkpoint) {
  if (settings_.directory.empty()) return;
  MutexLock writing(file_mutex_);
  Checkpoint copy;
  {
    MutexLock lock(mutex_);
    copy = this->*checkpoint;
  }
  Json entries = Json::object();
  for (const auto& [uid, containers] : copy) {
    Json& pod = entries[uid] = Json::object();
    for (const auto& [container, amounts] : containers) pod[container] = ToJson(amounts);
  }
  const std::string path = settings_.directory + "/" + name;
  std::error_code error;
  fs::create_directories(settings_.directory, error);
  std::ofstream file(path + ".new", std::ios::trunc);
  file << Json{{"entries", std::move(entries)}}.dump();
  file.close();
  // The old file is better than half of a new one.
  if (file.fail()) return log_.Info("resize checkpoint not written", {{"path", path}});
  fs::rename(path + ".new", path, error);
  if (error) log_.Info("resize checkpoint not written", {{"error", error.message()}});
}

void Resizes::Admit(const core_v1::Pod& pod) {
  const std::string& uid = pod.metadata.uid;
  {
    MutexLock lock(mutex_);
    if (requests_.contains(uid)) return;
    const auto [entry, is_new] = allotted_.try_emplace(uid, AmountsOf(pod.spec));
    // A new one has its own amounts, so that none need be put into a copy of the pod.
    requests_[uid] =
        is_new ? PodRequests(pod.spec) : PodRequests(WithAmounts(pod, entry->second).spec);
    if (!is_new) return;
  }
  Save(kAllotted, &Resizes::allotted_);
}

Resources Resizes::UsedByOthers(const std::string& pod_uid) const {
  Resources used;
  for (const auto& [uid, own] : requests_) {
    if (uid != pod_uid) used.Add(own);
  }
  return used;
}

Resizes::Verdict Resizes::Allot(const core_v1::Pod& pod) {
  Admit(pod);
  const std::string& uid = pod.metadata.uid;
  const Amounts wanted = AmountsOf(pod.spec);
  std::vector<std::string> given;
  Verdict verdict;
  {
    MutexLock lock(mutex_);
    Amounts& allotted = allotted_[uid];
    const auto waited = waiting_.extract(uid);
    if (const auto given_before = given_.extract(uid)) {
      verdict.accepted = true;
      verdict.generation = given_before.mapped().generation;
      verdict.trigger = given_before.mapped().trigger;
    }
    if (SameAmounts(wanted, allotted)) return verdict;
    if (IsStaticPod(pod)) {
      verdict.pending = {"Infeasible", "In-place resize of static-pods is not supported"};
    } else {
      verdict.pending = DecideResize(pod.spec, {settings_.allocatable, UsedByOthers(uid)});
    }
    if (verdict.pending) {
      if (verdict.pending->reason == "Deferred") {
        waiting_[uid] = {pod.spec, pod.metadata.generation,
                         waited ? waited.mapped().since : waits_++};
      }
      verdict.pod = WithAmounts(pod, allotted);
      return verdict;
    }
    if (waited) {
      const bool is_other = waited.mapped().generation != pod.metadata.generation;
      verdict.trigger = is_other ? "pod_updated" : "periodic_retry";
    }
    allotted = wanted;
    requests_[uid] = PodRequests(pod.spec);
    given = GiveRoom("pod_resized");
  }
  Save(kAllotted, &Resizes::allotted_);
  verdict.accepted = true;
  verdict.generation = pod.metadata.generation;
  Wake(given);
  return verdict;
}

core_v1::Pod Resizes::Allotted(const core_v1::Pod& pod) const {
  MutexLock lock(mutex_);
  const auto found = allotted_.find(pod.metadata.uid);
  return found == allotted_.end() ? pod : WithAmounts(pod, found->second);
}

std::vector<std::shared_ptr<const core_v1::Pod>> Resizes::Allotted(
    std::vector<std::shared_ptr<const core_v1::Pod>> pods) const {
  MutexLock lock(mutex_);
  for (auto& pod : pods) {
    const auto found = allotted_.find(pod->metadata.uid);
    if (found == allotted_.end() || AsksFor(pod->spec, found->second)) continue;
    pod = std::make_shared<const core_v1::Pod>(WithAmounts(*pod, found->second));
  }
  return pods;
}

Amounts Resizes::Actuated(const std::string& pod_uid) const {
  MutexLock lock(mutex_);
  const auto found = actuated_.find(pod_uid);
  return found == actuated_.end() ? Amounts() : found->second;
}

void Resizes::SetActuated(const std::string& pod_uid, const std::string& container,
                          const core_v1::ResourceRequirements& amounts) {
  {
    MutexLock lock(mutex_);
    actuated_[pod_uid][container] = amounts;
  }
  Save(kActuated, &Resizes::actuated_);
}

void Resizes::Forget(const std::string& pod_uid) {
  std::vector<std::string> given;
  bool was_allotted = false, was_actuated = false;
  {
    MutexLock lock(mutex_);
    requests_.erase(pod_uid);
    waiting_.erase(pod_uid);
    given_.erase(pod_uid);
    was_allotted = allotted_.erase(pod_uid) > 0;
    was_actuated = actuated_.erase(pod_uid) > 0;
    given = GiveRoom("pods_removed");
  }
  if (was_allotted || !given.empty()) Save(kAllotted, &Resizes::allotted_);
  if (was_actuated) Save(kActuated, &Resizes::actuated_);
  Wake(given);
}

void Resizes::Retain(const std::set<std::string>& known) {
  bool was_allotted = false, was_actuated = false;
  {
    MutexLock lock(mutex_);
    const auto is_gone = [&](const auto& entry) REQUIRES(mutex_) {
      return !known.contains(entry.first) && !requests_.contains(entry.first);
    };
    was_allotted = std::erase_if(allotted_, is_gone) > 0;
    was_actuated = std::erase_if(actuated_, is_gone) > 0;
  }
  if (was_allotted) Save(kAllotted, &Resizes::allotted_);
  if (was_actuated) Save(kActuated, &Resizes::actuated_);
}

std::vector<std::string> Resizes::GiveRoom(const char* trigger) {
  using Entry = std::pair<const std::string, Waiting>;
  std::vector<const Entry*> queue;
  for (const Entry& each : waiting_) queue.push_back(&each);
  // Smaller keys come first. What asks for no more than it has takes nobody's room.
  const auto key = [&](const Entry* entry) REQUIRES(mutex_) {
    const core_v1::PodSpec& wanted = entry->second.wanted;
    const Resources asked = PodRequests(wanted);
    const Resources& has = requests_[entry->first];
    return std::tuple{asked.milli_cpu > has.milli_cpu || asked.memory > has.memory,
                      -int64_t{wanted.priority.value_or(0)},
                      ComputeQosClass(wanted) != "Guaranteed", entry->second.since};
  };
  std::ranges::sort(queue, {}, key);
  std::vector<std::string> given;
  for (const Entry* entry : queue) {
    const auto& [uid, waiting] = *entry;
    if (DecideResize(waiting.wanted, {settings_.allocatable, UsedByOthers(uid)})) continue;
    allotted_[uid] = AmountsOf(waiting.wanted);
    requests_[uid] = PodRequests(waiting.wanted);
    given.push_back(uid);
  }
  for (const std::string& uid : given) {
    given_[uid] = {waiting_.at(uid).generation, trigger};
    waiting_.erase(uid);
  }
  return given;
}

void Resizes::Wake(const std::vector<std::string>& given) {
  for (const std::string& uid : given) retry_(uid);
}

}  // namespace skiff::kubelet
