#include "kubelet/dra/claim_manager.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/whole_file.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet::dra {
namespace {

constexpr int kFileMode = 0600;
constexpr size_t kFileBytesMax = 64 << 20;
constexpr char kAnyDriver[] = "<any>";

Result<> Within(const std::string& what, Result<> done) {
  if (done) return done;
  return Fail(done.error().reason, what + done.error().message);
}

const ClaimInfo* FindByUid(const std::vector<ClaimInfo>& claims, const std::string& uid) {
  const auto found = std::find_if(claims.begin(), claims.end(),
                                  [&](const ClaimInfo& claim) { return claim.uid == uid; });
  return found != claims.end() ? &*found : nullptr;
}

Result<> CheckAnswered(const char* call, const std::vector<ClaimInfo>& claims, size_t answers) {
  if (answers == claims.size()) return {};
  return Fail(Reason::kInternalError,
              fmt::format("{} skipped {} ResourceClaims", call,
                          static_cast<int64_t>(claims.size()) - static_cast<int64_t>(answers)));
}

Result<> CheckAnswer(const char* call, const ClaimInfo* claim, const std::string& uid,
                     const std::string& error) {
  if (claim == nullptr) {
    return Fail(Reason::kInternalError,
                fmt::format("{} returned result for unknown claim UID {}", call, uid));
  }
  if (error.empty()) return {};
  return Fail(Reason::kInternalError,
              fmt::format("{} failed for ResourceClaim {}: {}", call, claim->key.name, error));
}

tl::unexpected<Error> NoInfo(const std::string& name) {
  return Fail(Reason::kInternalError,
              "internal error: unable to get claim info for ResourceClaim " + name);
}

tl::unexpected<Error> IsLeaving(const std::string& name) {
  return Fail(Reason::kConflict, fmt::format("ResourceClaim {} is being unprepared", name));
}

// Why a claim cannot be had beside what is kept of its name.
Result<> CheckKept(const ClaimInfo& kept, const ClaimInfo& wanted) {
  if (kept.uid != wanted.uid) {
    return Fail(Reason::kConflict,
                fmt::format("old ResourceClaim with same name {} and different UID {} still exists "
                            "(previous pod force-deleted?!)",
                            wanted.key.name, kept.uid));
  }
  if (kept.is_leaving) return IsLeaving(wanted.key.name);
  return {};
}

}  // namespace

ClaimManager::ClaimManager(std::string file, const Drivers& drivers, Sources sources,
                           DraMetrics* metrics)
    : file_(std::move(file)), drivers_(drivers), sources_(std::move(sources)), metrics_(metrics) {
  if (const auto loaded = Load(); !loaded) {
    log_.Error("claims not read", {{"file", file_}, {"error", loaded.error().message}});
  }
}

std::vector<Sample> ClaimManager::InUse() const {
  std::map<std::string, double> counts = {{kAnyDriver, 0}};
  {
    MutexLock lock(mutex_);
    for (const auto& [key, claim] : claims_) {
      if (!claim.is_prepared) continue;
      ++counts[kAnyDriver];
      for (const auto& [driver, devices] : claim.drivers) ++counts[driver];
    }
  }
  std::vector<Sample> samples;
  for (const auto& [driver, count] : counts) samples.push_back({{driver}, count});
  return samples;
}

Result<> ClaimManager::Load() {
  Result<Claims> claims;
  if (const auto file = OpenRegularFile(file_); file) {
    const auto text = ReadWhole(*file, kFileBytesMax);
    claims = text ? ParseCheckpoint(*text) : Result<Claims>(Fail(text.error()));
  } else if (file.error().reason != Reason::kNotFound) {
    claims = Fail(file.error());
  }
  MutexLock lock(mutex_);
  if (claims) {
    claims_ = std::move(*claims);
    unreadable_.reset();
    return {};
  }
  unreadable_ = Error{
      claims.error().reason,
      fmt::format("ResourceClaim state cannot be read from {}: {}", file_, claims.error().message)};
  return Fail(*unreadable_);
}

Result<> ClaimManager::Save() {
  // One at a time, or an older text would replace a newer one.
  MutexLock saving(saving_);
  std::string text;
  {
    MutexLock lock(mutex_);
    if (unreadable_) return Fail(*unreadable_);
    text = CheckpointOf(claims_);
  }
  constexpr char kWhat[] = "checkpoint ResourceClaim state: ";
  if (text.size() > kFileBytesMax) {
    return Fail(Reason::kRequestEntityTooLarge,
                fmt::format("{}larger than {} bytes", kWhat, kFileBytesMax));
  }
  return Within(kWhat, WriteWholeFile(file_, text, kFileMode));
}

void ClaimManager::Measure(const char* operation, Duration begun, bool succeeded) const {
  if (metrics_ == nullptr) return;
  // As kubelets have it: "is_error" is true of those that succeeded.
  metrics_->operation_seconds.Observe(
      {operation, succeeded ? "true" : "false"},
      std::chrono::duration<double>(SystemClock().Monotonic() - begun).count());
}

Result<> ClaimManager::Prepare(const core_v1::Pod& pod) {
  if (pod.spec.resource_claims.empty()) return {};
  const Duration begun = SystemClock().Monotonic();
  auto done = PrepareNow(pod);
  Measure("PrepareResources", begun, done.has_value());
  return Within("prepare dynamic resources: ", std::move(done));
}

// Nothing is remembered before all is known to be there: a pod that cannot start can go without a
// driver that was never installed.
Result<std::vector<ClaimManager::Wanted>> ClaimManager::Check(const core_v1::Pod& pod) const {
  std::vector<Wanted> wanted;
  for (const auto& name : pod.spec.resource_claims) {
    const auto reference = TRY(ReferenceOf(pod, name));
    if (!reference) continue;
    const auto claim = sources_.claim({pod.metadata.namespace_, reference->name});
    if (!claim) {
      return Fail(claim.error().reason, fmt::format("fetch ResourceClaim {}: {}", reference->name,
                                                    claim.error().message));
    }
    TRY(CheckUse(pod, *reference, **claim));
    Wanted one {
      TRY(InfoOf(**claim))
      , {}
    };
    for (const auto& [driver, devices] : one.info.drivers) {
      one.drivers[driver] = TRY(drivers_.Find(driver));
    }
    wanted.push_back(std::move(one));
  }
  return wanted;
}

Result<> ClaimManager::Remember(const std::string& pod_uid, std::vector<Wanted>& wanted) {
  {
    MutexLock lock(mutex_);
    if (unreadable_) return Fail(*unreadable_);
    for (const Wanted& one : wanted) {
      const auto kept = claims_.find(one.info.key);
      if (kept != claims_.end()) TRY(CheckKept(kept->second, one.info));
    }
    for (Wanted& one : wanted) {
      ClaimInfo& kept = claims_.try_emplace(one.info.key, one.info).first->second;
      kept.pods.insert(pod_uid);
      one.info.is_prepared = kept.is_prepared;
    }
  }
  TRY(Save());
  std::erase_if(wanted, [](const Wanted& one) { return one.info.is_prepared; });
  return {};
}

Result<> ClaimManager::PrepareNow(const core_v1::Pod& pod) {
  std::vector<Wanted> wanted = TRY(Check(pod));
  TRY(Remember(pod.metadata.uid, wanted));
  std::map<std::shared_ptr<const DriverClient>, std::vector<ClaimInfo>> batches;
  for (const Wanted& one : wanted) {
    for (const auto& [name, driver] : one.drivers) batches[driver].push_back(one.info);
  }
  for (const auto& [driver, claims] : batches) TRY(CallPrepare(*driver, claims));
  {
    MutexLock lock(mutex_);
    for (const Wanted& one : wanted) {
      const auto kept = claims_.find(one.info.key);
      if (kept == claims_.end()) return NoInfo(one.info.key.name);
      kept->second.is_prepared = true;
    }
  }
  return wanted.empty() ? Result<>() : Save();
}

Result<> ClaimManager::CallPrepare(const DriverClient& driver,
                                   const std::vector<ClaimInfo>& claims) {
  constexpr char kCall[] = "NodePrepareResources";
  auto answer = driver.Prepare(claims);
  if (!answer) return Within("NodePrepareResources: ", Fail(answer.error()));
  for (auto& [uid, result] : *answer) {
    const ClaimInfo* claim = FindByUid(claims, uid);
    TRY(CheckAnswer(kCall, claim, uid, result.error));
    MutexLock lock(mutex_);
    const auto kept = claims_.find(claim->key);
    if (kept != claims_.end() && kept->second.uid == uid) {
      kept->second.drivers[driver.driver()] = std::move(result.devices);
    }
  }
  return CheckAnswered(kCall, claims, answer->size());
}

Result<> ClaimManager::Unprepare(const core_v1::Pod& pod) {
  if (pod.spec.resource_claims.empty()) return {};
  const Duration begun = SystemClock().Monotonic();
  std::vector<ObjectKey> keys;
  {
    MutexLock lock(mutex_);
    if (unreadable_) return Within("unprepare dynamic resources: ", Fail(*unreadable_));
    for (const auto& [key, claim] : claims_) {
      if (claim.pods.contains(pod.metadata.uid)) keys.push_back(key);
    }
  }
  auto done = UnprepareNow(pod.metadata.uid, keys);
  Measure("UnprepareResources", begun, done.has_value());
  return Within("unprepare dynamic resources: ", std::move(done));
}

Result<std::vector<ClaimInfo>> ClaimManager::BeginLeaving(const std::string& pod_uid,
                                                          const std::vector<ObjectKey>& keys) {
  std::vector<ClaimInfo> last;
  MutexLock lock(mutex_);
  for (const auto& key : keys) {
    const auto kept = claims_.find(key);
    if (kept != claims_.end() && kept->second.is_leaving) return IsLeaving(key.name);
  }
  for (const auto& key : keys) {
    const auto kept = claims_.find(key);
    if (kept == claims_.end() || !kept->second.pods.contains(pod_uid)) continue;
    if (kept->second.pods.size() > 1) {
      kept->second.pods.erase(pod_uid);
      continue;
    }
    last.push_back(kept->second);
    kept->second.is_leaving = true;
    // Should this fail, whoever comes next has it prepared again.
    kept->second.is_prepared = false;
  }
  return last;
}

void ClaimManager::EndLeaving(const std::string& pod_uid, const std::vector<ClaimInfo>& claims,
                              bool succeeded) {
  MutexLock lock(mutex_);
  for (const ClaimInfo& claim : claims) {
    const auto kept = claims_.find(claim.key);
    if (kept == claims_.end() || kept->second.uid != claim.uid) continue;
    kept->second.is_leaving = false;
    if (!succeeded) continue;
    kept->second.pods.erase(pod_uid);
    if (kept->second.pods.empty()) claims_.erase(kept);
  }
}

Result<> ClaimManager::UnprepareNow(const std::string& pod_uid,
                                    const std::vector<ObjectKey>& keys) {
  if (keys.empty()) return {};
  const std::vector<ClaimInfo> last = TRY(BeginLeaving(pod_uid, keys));
  std::map<std::string, std::vector<ClaimInfo>> batches;
  for (const ClaimInfo& claim : last) {
    for (const auto& [driver, devices] : claim.drivers) batches[driver].push_back(claim);
  }
  Result<> done;
  for (const auto& [driver, claims] : batches) {
    done = CallUnprepare(driver, claims);
    if (!done) break;
  }
  EndLeaving(pod_uid, last, done.has_value());
  return done ? Save() : done;
}

Result<> ClaimManager::CallUnprepare(const std::string& driver,
                                     const std::vector<ClaimInfo>& claims) const {
  constexpr char kCall[] = "NodeUnprepareResources";
  const auto client = TRY(drivers_.Find(driver));
  const auto answer = client->Unprepare(claims);
  if (!answer) return Within("NodeUnprepareResources: ", Fail(answer.error()));
  for (const auto& [uid, error] : *answer) {
    TRY(CheckAnswer(kCall, FindByUid(claims, uid), uid, error));
  }
  return CheckAnswered(kCall, claims, answer->size());
}

Result<std::vector<std::pair<ClaimInfo, std::string>>> ClaimManager::Named(
    const core_v1::Pod& pod, const core_v1::Container& container) const {
  std::vector<std::pair<ClaimInfo, std::string>> named;
  for (const auto& name : pod.spec.resource_claims) {
    const auto reference = TRY(ReferenceOf(pod, name));
    if (!reference) continue;
    for (const auto& asked : container.resources.claims) {
      if (asked.name != name.name) continue;
      MutexLock lock(mutex_);
      if (unreadable_) return Fail(*unreadable_);
      const auto kept = claims_.find({pod.metadata.namespace_, reference->name});
      // The pod's status names it, and others than this kubelet may write that.
      if (kept == claims_.end() || !kept->second.pods.contains(pod.metadata.uid)) {
        return NoInfo(reference->name);
      }
      named.emplace_back(kept->second, asked.request);
    }
  }
  return named;
}

Result<std::vector<std::string>> ClaimManager::CdiDevices(
    const core_v1::Pod& pod, const core_v1::Container& container) const {
  std::vector<std::string> devices;
  for (const auto& [claim, request] : TRY(Named(pod, container))) {
    const auto some = claim.CdiDevices(request);
    devices.insert(devices.end(), some.begin(), some.end());
  }
  return devices;
}

Result<std::vector<ClaimInfo>> ClaimManager::ClaimsOf(const core_v1::Pod& pod,
                                                      const core_v1::Container& container) const {
  std::vector<ClaimInfo> claims;
  for (auto& [claim, request] : TRY(Named(pod, container))) claims.push_back(std::move(claim));
  return claims;
}

Duration ClaimManager::Step() {
  bool is_unreadable = false;
  {
    MutexLock lock(mutex_);
    is_unreadable = unreadable_.has_value();
  }
  if (is_unreadable && !Load()) return kCheckEvery;
  const auto pods = sources_.pods();
  if (!pods) return kCheckEvery;
  std::map<std::string, std::vector<ObjectKey>> stale;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, claim] : claims_) {
      for (const auto& uid : claim.pods) {
        if (!pods->contains(uid)) stale[uid].push_back(key);
      }
    }
  }
  for (const auto& [uid, keys] : stale) {
    if (const auto done = UnprepareNow(uid, keys); !done) {
      log_.Info("claims of a pod that is gone not given back",
                {{"uid", uid}, {"error", done.error().message}});
    }
  }
  return kCheckEvery;
}

}  // namespace skiff::kubelet::dra
