// The kinds that CustomResourceDefinitions add, those of ours that a server has on request, and
// those of other API servers, watched by their metadata for controllers that have to hear of their
// objects: one cache of a kind for all of them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/apiextensions_v1.h"
#include "base/control_loop.h"
#include "base/mutex.h"
#include "client/manager.h"
#include "controllers/machinery/remote_kinds.h"

namespace skiff {

// The kind of a definition, in a version that is served; nullopt: none is yet.
std::optional<Resource> ServedKind(const apiextensions_v1::CustomResourceDefinition& definition);
// "things.a.io", as its definition is called.
std::string NameOfKind(const Resource& resource);

// A controller to which custom kinds matter. Called by one thread.
class CustomKindsUser {
 public:
  virtual ~CustomKindsUser() = default;
  // Whether a kind has to be watched for it. Whoever changes his mind wakes the loop.
  virtual bool Needs(const Resource& resource) = 0;
  // Before the cache of a kind starts: handlers are added here. It is watched for somebody, maybe
  // for others alone.
  virtual void Watch(InformerCache& cache) = 0;
  // The same of a kind that another API server has.
  virtual void WatchRemote(InformerCache& cache) { Watch(cache); }
  // The cache is about to go. `is_empty`: nothing is left of the kind, whatever was heard of last.
  virtual void Forget(const Resource& resource, bool is_empty) = 0;
  // All definitions that there were at the start have been seen, and what is served on request or
  // by others.
  virtual void SawDefinitions() {}
};

// Starts and stops watching. A kind is watched as long as its definition is there and somebody
// needs it, so that there are never more caches than definitions. The definition goes right after
// the last object, and its end may be heard of before theirs; by what it said last, there are none.
//
// Which of KindsOnRequest() there are the server is asked each 30 seconds, as
// kube-controller-manager does of all kinds: another server may be there by then.
class CustomKindWatches final : public ControlLoop {
 public:
  // Nothing is watched before the first Add.
  explicit CustomKindWatches(Manager& manager) : manager_(manager) {}
  static constexpr Duration kAskPeriod = 30s;
  static constexpr Duration kAskAgain = 5s;  // Where it was not answered.
  // Before the start.
  void Add(std::shared_ptr<CustomKindsUser> user);
  bool has_users() const { return !users_.empty(); }

  Duration Step() override;

 private:
  using CustomResourceDefinition = apiextensions_v1::CustomResourceDefinition;
  std::set<std::string> TakeEmptied();
  // `remote`: what other API servers have.
  std::set<Resource> Needed(const std::vector<Resource>& remote) const;
  // How long until the server is asked again.
  Duration AskForKindsOnRequest();
  void Forget(const std::set<Resource>& needed);

  Manager& manager_;
  std::vector<std::shared_ptr<CustomKindsUser>> users_;
  RemoteKinds* remote_ = nullptr;  // A loop of the manager, from the first Add on.
  std::optional<Informer<CustomResourceDefinition>> definitions_;
  std::map<Resource, InformerCache*> watched_;
  std::optional<std::vector<Resource>> on_request_;  // Those that are served; nullopt: not known.
  std::optional<Duration> asked_until_;              // Monotonic: so long that is good enough.
  Mutex mutex_;
  std::set<std::string> emptied_ GUARDED_BY(mutex_);  // Names of definitions that went.
};

}  // namespace skiff
