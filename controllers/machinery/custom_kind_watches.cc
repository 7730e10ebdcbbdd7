#include "controllers/machinery/custom_kind_watches.h"

#include <algorithm>
#include <utility>

#include "api/codec/document.h"
#include "api/type.h"
#include "controllers/machinery/light_definitions.h"

namespace skiff {
namespace {

using apiextensions_v1::CustomResourceDefinition;

bool HasNoInstances(const CustomResourceDefinition& definition) {
  const auto& conditions = definition.status.conditions;
  return std::any_of(conditions.begin(), conditions.end(), [](const auto& it) {
    return it.type == "Terminating" && it.status == "False" &&
           it.reason == "InstanceDeletionCompleted";
  });
}

// Which of KindsOnRequest() the server has. Fails where it does not say.
Result<std::vector<Resource>> ServedOnRequest(Client& client) {
  std::map<std::string, std::set<std::string>> served;  // The resources, by apiVersion.
  for (const KindInfo* kind : KindsOnRequest()) {
    const auto [known, is_new] = served.try_emplace(std::string(kind->api_version));
    if (!is_new) continue;
    const auto list = client.GetPath("/apis/" + known->first);
    if (!list && list.error().reason == Reason::kNotFound) continue;
    if (!list) return Fail(list.error());
    for (const Json& each : ListAt(*list, "resources")) known->second.insert(TextAt(each, "name"));
  }
  std::vector<Resource> found;
  std::set<std::string> named;  // Of several versions the one that discovery prefers.
  for (const KindInfo* kind : KindsOnRequest()) {
    const Resource resource(*kind);
    if (!served[resource.api_version].contains(resource.name)) continue;
    if (named.insert(NameOfKind(resource)).second) found.push_back(resource);
  }
  return found;
}

}  // namespace

std::optional<Resource> ServedKind(const CustomResourceDefinition& definition) {
  const auto& conditions = definition.status.conditions;
  const bool established = std::any_of(conditions.begin(), conditions.end(), [](const auto& it) {
    return it.type == "Established" && it.status == "True";
  });
  if (!established) return std::nullopt;
  for (const auto& version : definition.spec.versions) {
    if (!version.served) continue;
    Resource resource;
    resource.api_version = definition.spec.group + "/" + version.name;
    resource.kind = definition.spec.names.kind;
    resource.name = definition.spec.names.plural;
    resource.namespaced = definition.spec.scope == "Namespaced";
    return resource;
  }
  return std::nullopt;
}

std::string NameOfKind(const Resource& resource) {
  return resource.name + "." + resource.Group();
}

void CustomKindWatches::Add(std::shared_ptr<CustomKindsUser> user) {
  users_.push_back(std::move(user));
  if (definitions_) return;
  definitions_ = LightDefinitions(manager_.informers());
  definitions_->OnChange([this](const auto& before, const auto& now) {
    if (before && !now && HasNoInstances(*before)) {
      const MutexLock lock(mutex_);
      emptied_.insert(before->metadata.name);
    }
    Wake();
  });
  definitions_->cache().OnSynced([this] { Wake(); });
  auto remote = std::make_unique<RemoteKinds>(manager_, [this] { Wake(); });
  remote_ = remote.get();
  manager_.AddLoop(std::move(remote));
}

Duration CustomKindWatches::AskForKindsOnRequest() {
  const Duration now = manager_.clock().Monotonic();
  if (asked_until_ && now < *asked_until_) return *asked_until_ - now;
  auto served = ServedOnRequest(manager_.client());
  const Duration pause = served ? kAskPeriod : kAskAgain;
  if (served) on_request_ = *std::move(served);
  asked_until_ = now + pause;
  return pause;
}

Duration CustomKindWatches::Step() {
  const Duration again = AskForKindsOnRequest();
  // Before what they have is taken below: what came since wakes this loop again.
  const auto served = remote_->Served();
  const bool knows_all = definitions_->synced() && on_request_ && served;
  const std::vector<Resource> remote = served.value_or(std::vector<Resource>());
  const std::set<Resource> needed = Needed(remote);
  Forget(needed);
  bool added = false;
  for (const Resource& resource : needed) {
    if (watched_.contains(resource)) continue;
    InformerCache& cache = manager_.informers().Metadata(resource);
    const bool is_remote = std::find(remote.begin(), remote.end(), resource) != remote.end();
    for (const auto& user : users_) is_remote ? user->WatchRemote(cache) : user->Watch(cache);
    watched_[resource] = &cache;
    added = true;
  }
  if (added) manager_.informers().StartAdded();
  if (knows_all) {
    for (const auto& user : users_) user->SawDefinitions();
  }
  return again;
}

std::set<Resource> CustomKindWatches::Needed(const std::vector<Resource>& remote) const {
  std::set<Resource> needed;
  const auto consider = [&](const Resource& resource) {
    if (std::any_of(users_.begin(), users_.end(),
                    [&](const auto& user) { return user->Needs(resource); })) {
      needed.insert(resource);
    }
  };
  std::set<std::string> defined;
  for (const auto& definition : definitions_->List()) {
    const auto resource = ServedKind(*definition);
    if (!resource) continue;
    consider(*resource);
    defined.insert(NameOfKind(*resource));
  }
  for (const Resource& resource : on_request_.value_or(std::vector<Resource>())) consider(resource);
  // A group may have versions of both; a kind is watched in one.
  for (const Resource& resource : remote) {
    if (!defined.contains(NameOfKind(resource))) consider(resource);
  }
  return needed;
}

void CustomKindWatches::Forget(const std::set<Resource>& needed) {
  const std::set<std::string> emptied = TakeEmptied();
  for (auto it = watched_.begin(); it != watched_.end();) {
    if (needed.contains(it->first)) {
      ++it;
      continue;
    }
    const bool is_empty = emptied.contains(NameOfKind(it->first));
    for (const auto& user : users_) user->Forget(it->first, is_empty);
    manager_.informers().Stop(*it->second);
    it = watched_.erase(it);
  }
}

std::set<std::string> CustomKindWatches::TakeEmptied() {
  const MutexLock lock(mutex_);
  return std::exchange(emptied_, {});
}

}  // namespace skiff
