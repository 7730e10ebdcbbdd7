// Deletes objects whose owners are all gone, and carries out foreground deletion and orphaning.
// owner_graph.cc knows who owns whom; before anything is deleted, the server is asked. Whom an
// owner leaves behind the graph alone says, so that nothing is done before it holds all kinds.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "api/text/group_version.h"
#include "base/log.h"
#include "controllers/machinery/custom_kind_watches.h"
#include "controllers/machinery/owner_graph.h"
#include "controllers/machinery/unseen_kinds.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using meta_v1::OwnerReference;

// Stands for all custom kinds as long as their definitions have not been read.
constexpr char kCustomKinds[] = "custom kinds";

// Collected kinds: those that can be watched and deleted, each in the version it is stored in.
bool IsCollected(const KindInfo& info) {
  return !info.storage_key.empty() && info.storage_version == info.api_version &&
         info.resource != "events" && info.HasVerb("list") && info.HasVerb("watch") &&
         info.HasVerb("delete");
}

// An object that is not there, of a kind that is: a path that is not served, or not yet, says
// nothing of what lies behind it.
bool IsMissing(const Error& error) {
  return error.reason == Reason::kNotFound && error.details && !error.details->name.empty();
}

// The kinds by group and kind: what an owner reference says of its owner. Thread-safe.
class KindMap {
 public:
  void Add(const Resource& resource) {
    const MutexLock lock(mutex_);
    kinds_[{resource.Group(), resource.kind}] = resource;
  }
  void Remove(const Resource& resource) {
    const MutexLock lock(mutex_);
    kinds_.erase({resource.Group(), resource.kind});
  }
  // In that version, of which only its server can say whether there is one.
  Result<Resource> Find(const std::string& api_version, const std::string& kind) const {
    const MutexLock lock(mutex_);
    const auto found = kinds_.find({std::string(GroupPart(api_version)), kind});
    if (found == kinds_.end()) {
      return Fail(Reason::kUnknown,
                  fmt::format("no matches for kind \"{}\" in version \"{}\"", kind, api_version));
    }
    Resource resource = found->second;
    resource.api_version = api_version;
    return resource;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::pair<std::string, std::string>, Resource> kinds_ GUARDED_BY(mutex_);
};

class Collector {
 public:
  explicit Collector(Manager& manager)
      : client_(manager.client()),
        events_(manager.Recorder("garbage-collector-controller")),
        unseen_(manager.clock()),
        checks_(manager.clock()),
        orphans_(manager.clock()) {
    unseen_.Add(kCustomKinds);
  }

  // Hears of all changes of one kind.
  void Watch(InformerCache& cache, bool is_remote = false) {
    const Resource resource = cache.resource();
    kinds_.Add(resource);
    unseen_.Add(NameOfKind(resource));
    cache.OnSynced([this, kind = NameOfKind(resource)] { Saw(kind); });
    cache.OnChange([this, resource, is_remote](const CachedObject& before,
                                               const CachedObject& now) {
      const bool is_change = before && now;
      if (is_change &&
          SaysTheSame(before.metadata->uid, before.metadata->owner_references, *now.metadata)) {
        return;
      }
      if (is_remote) return Queue(HeardOfRemote(resource, before, now));
      Queue(now ? graph_.Saw(resource, *now.metadata) : graph_.Gone(before.metadata->uid));
    });
  }
  void Forget(const Resource& resource) {
    kinds_.Remove(resource);
    Saw(NameOfKind(resource));
  }
  // Nothing is left of a kind: what was heard of last is gone as well.
  void Empty(const Resource& resource) { Queue(graph_.KindGone(resource)); }

  // The graph holds all objects of a kind, or nobody asks for them any more.
  void Saw(const std::string& kind) {
    if (!unseen_.Remove(kind)) return;
    for (ControlLoop* worker : workers_) worker->Wake();
  }
  // How long the graph does not hold all kinds yet, at most; 0: it does.
  Duration Wait() { return unseen_.Wait(); }
  // To be woken when Wait may be over. Before the start.
  void AddWorker(ControlLoop& worker) { workers_.push_back(&worker); }

  WorkQueue& checks() { return checks_; }
  WorkQueue& orphans() { return orphans_; }
  // What is left to be done at last; null: nothing.
  Result<Requeue::Last> Check(const std::string& uid);
  Result<> Orphan(const std::string& uid);

 private:
  // What the owners of an object come to.
  struct Verdict {
    std::set<std::string> dangling;
    std::set<std::string> waiting;  // In foreground deletion.
    bool solid = false;
    bool unknowable = false;  // Nobody can say which namespace one of them is in.
  };

  void Queue(const OwnerGraph::Work& work) {
    for (const std::string& uid : work.check) checks_.Add({"", uid});
    for (const std::string& uid : work.orphan) orphans_.Add({"", uid});
    for (const auto& object : work.misplaced) Tell(object);
  }

  OwnerGraph::Work HeardOfRemote(const Resource& resource, const CachedObject& before,
                                 const CachedObject& now) {
    if (now) return graph_.SawRemote(resource, *now.metadata);
    return graph_.GoneRemote(resource, before.metadata->uid);
  }

  void Tell(const OwnerGraph::Misplaced& object) {
    core_v1::ObjectReference about;
    about.api_version = object.resource.api_version;
    about.kind = object.resource.kind;
    about.namespace_ = object.key.namespace_;
    about.name = object.key.name;
    about.uid = object.uid;
    const OwnerReference& owner = object.owner;
    events_.Report(about, EventType::kWarning, "OwnerRefInvalidNamespace",
                   fmt::format("ownerRef [{}/{}, namespace: {}, name: {}, uid: {}] does not exist "
                               "in namespace \"{}\"",
                               owner.api_version, owner.kind, about.namespace_, owner.name,
                               owner.uid, about.namespace_));
  }

  // The metadata the server has now; nullopt when the object is gone or another one.
  Result<std::optional<meta_v1::ObjectMeta>> Live(const Resource& resource, const ObjectKey& key,
                                                  const std::string& uid) {
    const auto document = client_.GetMetadata(resource, key);
    if (!document && IsMissing(document.error())) return std::nullopt;
    if (!document) return Fail(document.error());
    const auto metadata = document->find("metadata");
    if (metadata == document->end()) return Fail(Reason::kInternalError, "object without metadata");
    auto parsed = TRY(FromJson<meta_v1::ObjectMeta>(*metadata));
    if (parsed.uid != uid) return std::nullopt;
    return parsed;
  }

  Result<> ReleaseForeground(const OwnerNode& node, const meta_v1::ObjectMeta& live);
  Result<Verdict> Classify(const OwnerNode& node, const std::vector<OwnerReference>& owners);
  Result<> DropReferences(const Resource& resource, const meta_v1::ObjectMeta& live,
                          const std::set<std::string>& owners);
  Result<> LeaveBehind(const OwnerNode& dependent, const std::string& owner);
  Result<> RemoveFinalizer(const Resource& resource, const meta_v1::ObjectMeta& live,
                           std::string_view finalizer);
  Result<Requeue::Last> DeleteDependent(const OwnerNode& node, const meta_v1::ObjectMeta& live,
                                        const Verdict& verdict);
  Result<> BreakCycle(const OwnerNode& node, const meta_v1::ObjectMeta& live);

  Client& client_;
  EventRecorder& events_;
  OwnerGraph graph_;
  KindMap kinds_;
  UnseenKinds unseen_;
  std::vector<ControlLoop*> workers_;
  WorkQueue checks_;
  WorkQueue orphans_;
};

Result<Requeue::Last> Collector::Check(const std::string& uid) {
  const auto node = graph_.Find(uid);
  if (!node || (node->being_deleted && !node->deleting_dependents)) return nullptr;
  Resource resource = node->resource;
  if (node->virtual_) resource = TRY(kinds_.Find(resource.api_version, resource.kind));
  const ObjectKey key = {resource.namespaced ? node->key.namespace_ : "", node->key.name};
  std::optional<meta_v1::ObjectMeta> live;
  // What has a namespace is in none that an object without one could name.
  if (!resource.namespaced || !key.namespace_.empty()) live = TRY(Live(resource, key, uid));
  if (!live) {
    Queue(graph_.Missing(uid, resource.namespaced));
    const auto left = graph_.Find(uid);
    if (!left || !left->virtual_) return nullptr;
    return Fail(Reason::kConflict, "dependents say different things of the owner");
  }
  // It exists, but its informer has yet to show it: nothing can be decided
  // before.
  if (node->virtual_) return Fail(Reason::kConflict, "the owner has not been observed yet");
  if (node->deleting_dependents) {
    TRY(ReleaseForeground(*node, *live));
    return nullptr;
  }
  if (live->owner_references.empty()) return nullptr;
  const Verdict verdict = TRY(Classify(*node, live->owner_references));
  if (verdict.unknowable) return nullptr;
  if (verdict.solid) {
    std::set<std::string> useless = verdict.dangling;
    useless.insert(verdict.waiting.begin(), verdict.waiting.end());
    if (!useless.empty()) TRY(DropReferences(resource, *live, useless));
    return nullptr;
  }
  return DeleteDependent(*node, *live, verdict);
}

// An owner in foreground deletion goes when nothing that blocks it is left.
Result<> Collector::ReleaseForeground(const OwnerNode& node, const meta_v1::ObjectMeta& live) {
  const OwnerGraph::Blockers blockers = graph_.BlockersOf(node.uid);
  for (const std::string& dependent : blockers.staying) checks_.Add({"", dependent});
  if (blockers.any) return {};
  return RemoveFinalizer(node.resource, live, kForegroundFinalizer);
}

Result<Collector::Verdict> Collector::Classify(const OwnerNode& node,
                                               const std::vector<OwnerReference>& owners) {
  Verdict verdict;
  for (const OwnerReference& owner : owners) {
    // An object in no namespace cannot have an owner in one, be that gone or not: it stays.
    const auto kind = kinds_.Find(owner.api_version, owner.kind);
    verdict.unknowable |= kind && kind->namespaced && node.key.namespace_.empty();
    if (verdict.unknowable) return verdict;
    if (graph_.IsKnownGone(owner, node.key.namespace_)) {
      verdict.dangling.insert(owner.uid);
      continue;
    }
    if (!kind) return Fail(kind.error());
    const Resource& resource = *kind;
    const ObjectKey key = {resource.namespaced ? node.key.namespace_ : "", owner.name};
    const auto live = TRY(Live(resource, key, owner.uid));
    if (!live) {
      verdict.dangling.insert(owner.uid);
    } else if (live->deletion_timestamp && HasFinalizer(*live, kForegroundFinalizer)) {
      verdict.waiting.insert(owner.uid);
    } else {
      verdict.solid = true;
    }
  }
  return verdict;
}

Result<Requeue::Last> Collector::DeleteDependent(const OwnerNode& node,
                                                 const meta_v1::ObjectMeta& live,
                                                 const Verdict& verdict) {
  DeleteOptions options = {.uid = live.uid, .resource_version = live.resource_version};
  if (!verdict.waiting.empty() && graph_.HasDependents(node.uid)) {
    // Of two that wait for each other, one has to stop.
    const auto dependents = graph_.DependentsOf(node.uid);
    if (std::any_of(dependents.begin(), dependents.end(),
                    [](const OwnerNode& it) { return it.deleting_dependents; })) {
      TRY(BreakCycle(node, live));
      options.resource_version.clear();
    }
    options.propagation = "Foreground";
  } else if (HasFinalizer(live, kOrphanFinalizer)) {
    options.propagation = "Orphan";
  } else if (HasFinalizer(live, kForegroundFinalizer)) {
    options.propagation = "Foreground";
  } else {
    options.propagation = "Background";
  }
  return [this, resource = node.resource, key = node.key, options](Mailbox& answers,
                                                                   Client::Then<void> done) {
    client_.DeleteLater(answers, resource, key, options,
                        [done = std::move(done)](const Result<>& deleted) {
                          const bool is_gone =
                              !deleted && deleted.error().reason == Reason::kNotFound;
                          done(is_gone ? Result<>() : deleted);
                        });
  };
}

Result<> Collector::BreakCycle(const OwnerNode& node, const meta_v1::ObjectMeta& live) {
  meta_v1::ObjectMeta changed = live;
  for (OwnerReference& owner : changed.owner_references) {
    if (Blocks(owner)) owner.block_owner_deletion = false;
  }
  if (changed == live) return {};
  const Json patch = {{"metadata",
                       {{"uid", live.uid},
                        {"resourceVersion", live.resource_version},
                        {"ownerReferences", ToJson(changed)["ownerReferences"]}}}};
  TRY(client_.Patch(node.resource, node.key, PatchType::kMerge, patch));
  return {};
}

Result<> Collector::DropReferences(const Resource& resource, const meta_v1::ObjectMeta& live,
                                   const std::set<std::string>& owners) {
  meta_v1::ObjectMeta changed = live;
  std::erase_if(changed.owner_references,
                [&](const OwnerReference& it) { return owners.contains(it.uid); });
  if (changed == live) return {};
  const Json document = ToJson(changed);
  Json patch = {{"metadata", {{"uid", live.uid}, {"resourceVersion", live.resource_version}}}};
  patch["metadata"]["ownerReferences"] =
      document.contains("ownerReferences") ? document["ownerReferences"] : Json(nullptr);
  TRY(client_.Patch(resource, {live.namespace_, live.name}, PatchType::kMerge, patch));
  return {};
}

Result<> Collector::RemoveFinalizer(const Resource& resource, const meta_v1::ObjectMeta& live,
                                    std::string_view finalizer) {
  std::vector<std::string> left = live.finalizers;
  if (std::erase(left, finalizer) == 0) return {};
  const Json patch = {
      {"metadata",
       {{"uid", live.uid}, {"resourceVersion", live.resource_version}, {"finalizers", left}}}};
  const auto done = client_.Patch(resource, {live.namespace_, live.name}, PatchType::kMerge, patch);
  if (!done && done.error().reason != Reason::kNotFound) return Fail(done.error());
  return {};
}

Result<> Collector::LeaveBehind(const OwnerNode& dependent, const std::string& owner) {
  const auto object = TRY(Live(dependent.resource, dependent.key, dependent.uid));
  if (!object) return {};
  const auto dropped = DropReferences(dependent.resource, *object, {owner});
  if (!dropped && dropped.error().reason != Reason::kNotFound) return Fail(dropped.error());
  return {};
}

Result<> Collector::Orphan(const std::string& uid) {
  const auto owner = graph_.Find(uid);
  if (!owner) return {};
  const auto live = TRY(Live(owner->resource, owner->key, uid));
  if (!live || !HasFinalizer(*live, kOrphanFinalizer)) return {};
  // One that cannot be written holds the owner, and not the others to it.
  Result<> all;
  for (const OwnerNode& dependent : graph_.DependentsOf(uid)) {
    if (const auto left = LeaveBehind(dependent, uid); !left) all = Fail(left.error());
  }
  TRY(Result<>(all));
  return RemoveFinalizer(owner->resource, *live, kOrphanFinalizer);
}

class CollectorLoop final : public ControlLoop {
 public:
  using Act = std::function<Result<Requeue::Last>(const std::string& uid)>;
  CollectorLoop(std::shared_ptr<Collector> collector, WorkQueue& queue, Act act)
      : collector_(std::move(collector)),
        queue_(queue),
        act_(std::move(act)),
        answers_([this] { Wake(); }) {
    collector_->AddWorker(*this);
  }

  Duration Step() override {
    answers_.Deliver();
    if (const Duration wait = collector_->Wait(); wait > Duration(0)) return wait;
    if (!answers_.HasRoom()) return kNever;  // The next answer wakes us.
    const auto key = queue_.TakeOrWait(*this);
    if (!key) return queue_.UntilNext();
    const auto last = act_(key->name);
    if (last && *last) {
      (*last)(answers_, [this, key = *key](const Result<>& done) { Finish(key, done); });
    } else {
      Finish(*key, last ? Result<>() : Fail(last.error()));
    }
    answers_.Deliver();
    return Duration(0);
  }

 private:
  void Finish(const ObjectKey& key, const Result<>& done) {
    if (done) {
      queue_.Forget(key);
    } else {
      log_.Debug("object not collected yet", {{"uid", key.name}, {"error", done.error().message}});
      queue_.AddRateLimited(key);
    }
    queue_.Done(key);
  }

  const std::shared_ptr<Collector> collector_;  // Keeps what `queue_` and `act_` refer to.
  WorkQueue& queue_;
  const Act act_;
  const Log log_{"garbage collector"};
  Mailbox answers_;
};

// What it needs of custom kinds is all of them: what their last objects own goes when they do.
class CollectedCustomKinds final : public CustomKindsUser {
 public:
  explicit CollectedCustomKinds(std::shared_ptr<Collector> collector)
      : collector_(std::move(collector)) {}
  bool Needs(const Resource&) override { return true; }
  void Watch(InformerCache& cache) override { collector_->Watch(cache); }
  void WatchRemote(InformerCache& cache) override { collector_->Watch(cache, /*is_remote=*/true); }
  void Forget(const Resource& resource, bool is_empty) override {
    collector_->Forget(resource);
    if (is_empty) collector_->Empty(resource);
  }
  void SawDefinitions() override { collector_->Saw(kCustomKinds); }

 private:
  const std::shared_ptr<Collector> collector_;
};

}  // namespace

void AddGarbageCollector(Manager& manager, CustomKindWatches& custom_kinds, int workers) {
  const auto collector = std::make_shared<Collector>(manager);
  custom_kinds.Add(std::make_shared<CollectedCustomKinds>(collector));
  for (const KindInfo* info : BuiltInKinds()) {
    if (IsCollected(*info)) collector->Watch(manager.informers().Metadata(*info));
  }
  for (int i = 0; i < workers; ++i) {
    manager.AddLoop(std::make_unique<CollectorLoop>(
        collector, collector->checks(),
        [c = collector.get()](const auto& uid) { return c->Check(uid); }));
  }
  manager.AddLoop(std::make_unique<CollectorLoop>(
      collector, collector->orphans(),
      [c = collector.get()](const auto& uid) -> Result<Requeue::Last> {
        TRY(c->Orphan(uid));
        return nullptr;
      }));
}

}  // namespace skiff
