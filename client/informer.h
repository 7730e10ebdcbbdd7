// The shared, indexed copy of a collection, and who hears of its changes.
//
//   Informer<core_v1::Pod> pods = factory.For<core_v1::Pod>();
//   pods.OnChange([&](const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now) { ... });
//   factory.Start(executor);
//   for (const Ptr<core_v1::Pod>& pod : pods.ControlledBy(replica_set.metadata)) { ... }
//
// There is one cache per kind and factory. Each event is decoded once. Cached objects carry no
// managedFields.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "client/reflector.h"

namespace skiff {

// An object whose type only the informer's user knows.
struct CachedObject {
  std::shared_ptr<const void> object;
  const meta_v1::ObjectMeta* metadata = nullptr;  // Inside `object`.
  explicit operator bool() const { return object != nullptr; }
};

// Who owns which field is no part of what is cached, nor is the memory for it.
inline void DropOwners(meta_v1::ObjectMeta& metadata) {
  std::vector<meta_v1::ManagedFieldsEntry>().swap(metadata.managed_fields);
}

template <Kind K>
Result<CachedObject> DecodeCached(std::string_view text) {
  auto object = TRY(DecodeObject<K>(text));
  DropOwners(object->metadata);
  const meta_v1::ObjectMeta* metadata = &object->metadata;
  return CachedObject{std::move(object), metadata};
}

// What an object's place among the children of its controller is called: those of one owner alone.
inline std::string ControlledGroup(const std::string& namespace_, const std::string& uid) {
  return namespace_ + "/" + uid;
}

// The cache behind Informer<K>, without the type. Reading is thread-safe.
class InformerCache final : public ReflectorSink {
 public:
  // Of an object's JSON text.
  using Decode = std::function<Result<CachedObject>(std::string_view)>;
  using Handler = std::function<void(const CachedObject& before, const CachedObject& now)>;
  using IndexFunction = std::function<std::vector<std::string>(const CachedObject&)>;

  InformerCache(Reflector::Dependencies dependencies, Resource resource, ListOptions scope,
                Decode decode);

  // Handlers and indexes are added before the cache starts, or while it is open: who came at
  // another time would have missed what is there already. Handlers are called one event at a time,
  // after the cache has changed; both sides are null when there is no such version. They must not
  // block.
  void OnChange(Handler handler);
  // Called once, after the handlers of the first list.
  void OnSynced(std::function<void()> function);
  void AddIndex(const std::string& name, IndexFunction function);
  // What is counted as objects come, change and go: how many of each sort there are in a group.
  struct Counted {
    std::string group;  // "": the object is in none.
    std::string sort;
  };
  using CountFunction = std::function<Counted(const CachedObject&)>;
  void AddCounts(const std::string& name, CountFunction function);

  // Before the start: whole objects from now on, decoded by `decode`. `type`: that of the structs
  // it makes, where these are an API type's and nothing but that: then a server in this process may
  // hand them over.
  void HoldWhole(Decode decode, const Type* type = nullptr);

  bool synced() const { return synced_; }
  const Resource& resource() const { return resource_; }
  // Fills the cache and keeps it up to date on `executor` until Stop. It starts once.
  void Start(Executor& executor);
  // One that has started takes handlers, indexes and counts again, until Admit: it tells those who
  // came of what is there by then, and from there on of every change, as if they had come first.
  void Open() { open_ = true; }
  bool is_open() const { return open_; }
  void Admit();
  void Stop(Executor& executor) { executor.Remove(reflector_); }
  // The revision of the newest event seen: a write with a revision up to this one is in the cache.
  uint64_t revision() const { return revision_; }

  // A controller has written that version: until it comes by the watch, what is cached is not the
  // newest that is known.
  void Wrote(const meta_v1::ObjectMeta& metadata);
  // Whether what is cached is. Where it is not, handlers will be called for the key.
  bool ShowsWritesOf(const ObjectKey& key) const;

  CachedObject Get(const ObjectKey& key) const;
  // In order of their keys.
  std::vector<CachedObject> List() const;
  std::vector<CachedObject> ListIn(const std::string& namespace_) const;
  std::vector<CachedObject> ByIndex(const std::string& index, const std::string& value) const;
  // Those in `namespace_` whose controller has that uid. Anybody may write a reference to a uid, so
  // that what stands in other namespaces than the owner is none of its own.
  std::vector<CachedObject> ControlledBy(const std::string& namespace_,
                                         const std::string& uid) const;
  // The counts of a group by sort, and those of `keys` that there are, all at one moment: that of a
  // revision, or later where a new list is being taken in.
  struct CountsAndSome {
    uint64_t revision = 0;
    std::map<std::string, int64_t> counts;
    std::vector<CachedObject> some;
  };
  CountsAndSome CountsOf(const std::string& name, const std::string& group,
                         const std::set<ObjectKey>& keys) const;
  // Those without a controller reference.
  std::vector<CachedObject> OrphansIn(const std::string& namespace_) const;
  size_t size() const;

  void Replace(std::vector<RawJson> items, const std::string& resource_version) override;
  void Apply(WatchEvent event) override;

 private:
  struct Index {
    IndexFunction function;
    std::map<std::string, std::set<ObjectKey>> keys;
    bool by_owners = false;  // The function looks at nothing that may change but the owners.
  };
  struct Counts {
    CountFunction function;
    std::map<std::string, std::map<std::string, int64_t>> groups;  // None of a sort is not in it.
    void Change(const CachedObject& before, const CachedObject& now);
    void Add(const Counted& counted, int64_t amount);
  };
  using Objects = std::map<ObjectKey, CachedObject>;
  // A key as it stands in `objects_`, or one to look for there.
  struct HashOfKey {
    size_t operator()(const ObjectKey* key) const {
      const std::hash<std::string_view> hash;
      return hash(key->name) * 31 + hash(key->namespace_);
    }
  };
  struct SameKey {
    bool operator()(const ObjectKey* a, const ObjectKey* b) const {
      return a->name == b->name && a->namespace_ == b->namespace_;
    }
  };
  // nullptr: there is none.
  const CachedObject* Find(const ObjectKey& key) const REQUIRES(mutex_);
  // Puts `now` (or nothing) under its key; returns what was there.
  CachedObject Exchange(const ObjectKey& key, CachedObject now) REQUIRES(mutex_);
  void Tell(const CachedObject& before, const CachedObject& now) const REQUIRES(telling_);
  // The object of an event.
  Result<CachedObject> Read(WatchEvent& event) const;
  void SawRevision(const std::string& resource_version);

  const Resource resource_;
  Decode decode_;               // Constant once started.
  const Type* type_ = nullptr;  // The same; of what may be handed over.
  const Log log_{"informer"};
  struct Listeners {
    std::vector<Handler> handlers;
    std::vector<std::function<void()>> on_synced;
  };
  // Held from before the cache changes until all have heard of it. Taken before `mutex_`.
  mutable Mutex telling_;
  Listeners listeners_ GUARDED_BY(telling_);
  Listeners late_ GUARDED_BY(telling_);  // Came after the start, and have not heard of anything.
  mutable Mutex mutex_;
  Objects objects_ GUARDED_BY(mutex_);
  // Where each is among them: names begin alike, and most changes are of objects that are there.
  std::unordered_map<const ObjectKey*, Objects::iterator, HashOfKey, SameKey> places_
      GUARDED_BY(mutex_);
  std::map<std::string, Index> indexes_ GUARDED_BY(mutex_);
  std::map<std::string, Counts> counts_ GUARDED_BY(mutex_);
  std::atomic<bool> started_ = false;
  std::atomic<bool> open_ = false;
  std::atomic<bool> synced_ = false;
  std::atomic<uint64_t> revision_ = 0;
  Reflector reflector_;
  std::map<ObjectKey, uint64_t> ahead_ GUARDED_BY(mutex_);  // Revisions that are still to come.
};

// A typed view of a cache; copy it freely.
template <Kind K>
class Informer {
 public:
  using Handler = std::function<void(const Ptr<K>& before, const Ptr<K>& now)>;
  explicit Informer(InformerCache& cache) : cache_(&cache) {}
  InformerCache& cache() const { return *cache_; }
  bool synced() const { return cache_->synced(); }

  // As of the cache.
  void Wrote(const K& object) const { cache_->Wrote(object.metadata); }
  bool ShowsWritesOf(const K& object) const { return cache_->ShowsWritesOf(KeyOf(object)); }

  // nullptr when there is none.
  Ptr<K> Get(const ObjectKey& key) const { return Cast(cache_->Get(key)); }
  std::vector<Ptr<K>> List() const { return Cast(cache_->List()); }
  std::vector<Ptr<K>> ListIn(const std::string& namespace_) const {
    return Cast(cache_->ListIn(namespace_));
  }
  std::vector<Ptr<K>> ControlledBy(const std::string& namespace_, const std::string& uid) const {
    return Cast(cache_->ControlledBy(namespace_, uid));
  }
  std::vector<Ptr<K>> ControlledBy(const meta_v1::ObjectMeta& owner) const {
    return ControlledBy(owner.namespace_, owner.uid);
  }
  std::vector<Ptr<K>> OrphansIn(const std::string& namespace_) const {
    return Cast(cache_->OrphansIn(namespace_));
  }
  std::vector<Ptr<K>> ByIndex(const std::string& index, const std::string& value) const {
    return Cast(cache_->ByIndex(index, value));
  }
  void OnChange(Handler handler) const {
    cache_->OnChange(
        [handler = std::move(handler)](const CachedObject& before, const CachedObject& now) {
          handler(Cast(before), Cast(now));
        });
  }
  void AddIndex(const std::string& name,
                std::function<std::vector<std::string>(const K&)> function) const {
    cache_->AddIndex(name, [function = std::move(function)](const CachedObject& object) {
      return function(*static_cast<const K*>(object.object.get()));
    });
  }

 private:
  static Ptr<K> Cast(const CachedObject& object) {
    return std::static_pointer_cast<const K>(object.object);
  }
  static std::vector<Ptr<K>> Cast(const std::vector<CachedObject>& objects) {
    std::vector<Ptr<K>> typed;
    typed.reserve(objects.size());
    for (const CachedObject& object : objects) typed.push_back(Cast(object));
    return typed;
  }
  InformerCache* cache_;
};

// The number in a resource version; 0 when it is none. A cache whose revision() is not smaller
// shows the write that returned this object.
uint64_t WrittenRevision(const meta_v1::ObjectMeta& metadata);

// One cache per kind, shared by all who ask here. Thread-safe.
class InformerFactory {
 public:
  explicit InformerFactory(Reflector::Dependencies dependencies) : dependencies_(dependencies) {}
  ~InformerFactory() { Stop(); }

  template <Kind K>
  Informer<K> For() {
    return Informer<K>(Cache(K::Info(), &DecodeCached<K>, &K::Describe()));
  }
  // Holds metadata alone, unless somebody asks for the kind by type too. That must happen before
  // the cache is started.
  InformerCache& Metadata(const Resource& resource);
  // Starts those that were asked for since the last call, and admits to the others whoever came
  // since Open.
  void Start(Executor& executor);
  // Those that run already can be asked for as if they did not, until the next Start: so what takes
  // up its work later shares the caches of what has followed the cluster all along. Kinds of which
  // metadata alone is held stay so: nobody may ask for these by type any more.
  void Open();
  // The same, on the executor that others run on already; nothing when none does.
  void StartAdded();
  void Stop();
  // Stops and forgets one; nobody else uses it.
  void Stop(InformerCache& cache);

 private:
  // `type`: as in HoldWhole; nullptr: metadata alone.
  InformerCache& Cache(const Resource& resource, InformerCache::Decode decode, const Type* type);
  const Reflector::Dependencies dependencies_;
  mutable Mutex mutex_;
  std::map<Resource, std::unique_ptr<InformerCache>> caches_ GUARDED_BY(mutex_);
  std::map<InformerCache*, bool> metadata_only_ GUARDED_BY(mutex_);
  std::set<InformerCache*> started_ GUARDED_BY(mutex_);
  Executor* executor_ GUARDED_BY(mutex_) = nullptr;
};

}  // namespace skiff
