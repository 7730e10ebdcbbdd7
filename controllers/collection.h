// Part of a collection, for a controller that looks at all of it at once: Secrets of one type,
// where a copy of all the cluster's Secrets would be too much.
//
//   class Cleaner final : public ControlLoop {
//     explicit Cleaner(Manager& manager) : tokens_(*this) {
//       AddReflector(manager, {.field_selector = "type=..."}, tokens_);
//     }
//     Duration Step() override { if (const auto tokens = tokens_.List()) ... }
//     Collection<core_v1::Secret> tokens_;
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "client/manager.h"
#include "client/object_key.h"
#include "client/reflector.h"

namespace skiff {

// The objects of a reflector; wakes a loop when they change. Thread-safe.
template <Kind K>
class Collection final : public ReflectorSink {
 public:
  explicit Collection(ControlLoop& loop) : loop_(loop) {}

  void Replace(std::vector<RawJson> items, const std::string&) override {
    {
      const MutexLock lock(mutex_);
      objects_.clear();
      for (const RawJson& item : items) Put(item);
      synced_ = true;
    }
    loop_.Wake();
  }
  void Apply(WatchEvent event) override {
    {
      const MutexLock lock(mutex_);
      if (event.type == WatchEvent::Type::kDeleted) {
        const auto object = DecodeObject<K>(event.object.Text());
        if (object) objects_.erase(KeyOf(**object));
      } else if (event.type != WatchEvent::Type::kBookmark) {
        Put(event.object);
      }
    }
    loop_.Wake();
  }
  // In order of their keys; nullopt until the first list has arrived.
  std::optional<std::vector<Ptr<K>>> List() const {
    const MutexLock lock(mutex_);
    if (!synced_) return std::nullopt;
    std::vector<Ptr<K>> all;
    for (const auto& [key, object] : objects_) all.push_back(object);
    return all;
  }

 private:
  void Put(const RawJson& text) REQUIRES(mutex_) {
    auto object = DecodeObject<K>(text.Text());
    if (object) objects_[KeyOf(**object)] = std::move(*object);
  }

  ControlLoop& loop_;
  mutable Mutex mutex_;
  std::map<ObjectKey, Ptr<K>> objects_ GUARDED_BY(mutex_);
  bool synced_ GUARDED_BY(mutex_) = false;
};

// Before the manager starts; `to` outlives it.
template <Kind K>
void AddReflector(Manager& manager, const ListOptions& scope, Collection<K>& to) {
  const Reflector::Dependencies dependencies{manager.reader(), manager.clock(), manager.random()};
  manager.AddLoop(std::make_unique<Reflector>(dependencies, K::Info(), scope, to));
}

}  // namespace skiff
