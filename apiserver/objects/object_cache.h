// Decoded objects of one kind that the server itself consults on nearly every request: roles,
// namespaces, quotas. Nobody feeds it: a lookup first takes the events that came since the last one
// from its watch cursor, so it is exactly as fresh as the store and costs nothing while unused.
// Where the store keeps silent, who looks up waits for it in turns (ListPause). In
// an attempt (base/at_once.h) that is void it says anything.
//
//   ObjectCache<core_v1::Namespace> namespaces(store);
//   if (const auto found = namespaces.Find("", name)) ... found->status.phase ...
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/codec/struct_text.h"
#include "api/codec/typed.h"
#include "apiserver/storage/follower.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace skiff {

// The part that does not depend on the type. Thread-safe.
class ObjectCacheBase {
 public:
  virtual ~ObjectCacheBase() = default;
  // Rises with every change of the objects, as the store has them now.
  uint64_t Version();
  // Of several, one after the other.
  uint64_t Version(ReadPatience& patience);
  // Whether the last lookup, which may be another's, knew all objects that there were. What cannot
  // be read, since its key cannot be had, is known by what it was before, if it was ever read.
  bool IsWhole() const { return is_whole_; }

 protected:
  using Erased = std::shared_ptr<const void>;
  ObjectCacheBase(Store& store, const KindInfo& kind,
                  ListPausePtr pause = std::make_shared<ListPause>())
      : store_(store), kind_(kind), pause_(std::move(pause)) {}
  // nullptr when the body does not decode.
  virtual Erased Decode(std::string_view body) const = 0;

  Erased FindErased(std::string_view namespace_name, std::string_view name);
  Result<Erased> FindOrReadErased(std::string_view namespace_name, std::string_view name);
  void CollectErased(std::string_view prefix, std::vector<Erased>& out, bool* is_whole = nullptr);

 private:
  // Brings objects_ up to date with the store. A store that fails leaves the last state.
  void CatchUp() REQUIRES(mutex_);
  void CatchUp(ReadPatience& patience) REQUIRES(mutex_);
  // False when that could not be done, and nothing has changed.
  bool Reload() REQUIRES(mutex_);
  // Takes what it is now, or keeps what it was: `known`.
  void Take(const Record& record, std::string key, Erased known) REQUIRES(mutex_);
  void Forget(const std::string& key) REQUIRES(mutex_);
  bool TakeEvents(ReadPatience& patience) REQUIRES(mutex_);

  Store& store_;
  const KindInfo& kind_;
  const ListPausePtr pause_;
  Mutex mutex_;
  std::map<std::string, Erased, std::less<>> objects_ GUARDED_BY(mutex_);  // "namespace/name"
  std::set<std::string> missing_ GUARDED_BY(mutex_);  // Those that could never be read.
  std::atomic<bool> is_whole_ = false;
  std::unique_ptr<WatchCursor> cursor_ GUARDED_BY(mutex_);
  Revision seen_ GUARDED_BY(mutex_);
  uint64_t version_ GUARDED_BY(mutex_) = 0;
  // When something of it may be readable that was not.
  std::optional<Duration> reload_at_ GUARDED_BY(mutex_);
};

template <Kind T>
class ObjectCache final : public ObjectCacheBase {
 public:
  using Ptr = std::shared_ptr<const T>;
  explicit ObjectCache(Store& store, ListPausePtr pause = std::make_shared<ListPause>())
      : ObjectCacheBase(store, T::Info(), std::move(pause)) {}

  // nullptr when there is none. `namespace_name` is "" for kinds of the cluster.
  Ptr Find(std::string_view namespace_name, std::string_view name) {
    return std::static_pointer_cast<const T>(FindErased(namespace_name, name));
  }
  // The same for who refuses something because there is none: where several servers share a store,
  // another one may have made it a moment ago, of which none of them has heard. Fails where that
  // cannot be told.
  Result<Ptr> FindOrRead(std::string_view namespace_name, std::string_view name) {
    Erased found = TRY(FindOrReadErased(namespace_name, name));
    return std::static_pointer_cast<const T>(std::move(found));
  }
  // In order of name. `is_whole`: whether these are all that there are; whoever refuses something
  // because of them must know.
  std::vector<Ptr> InNamespace(std::string_view namespace_name, bool* is_whole = nullptr) {
    return Collect(std::string(namespace_name) + "/", is_whole);
  }
  std::vector<Ptr> All(bool* is_whole = nullptr) { return Collect("", is_whole); }

 private:
  std::vector<Ptr> Collect(std::string_view prefix, bool* is_whole) {
    std::vector<Erased> erased;
    CollectErased(prefix, erased, is_whole);
    std::vector<Ptr> typed;
    typed.reserve(erased.size());
    for (Erased& object : erased) typed.push_back(std::static_pointer_cast<const T>(object));
    return typed;
  }
  Erased Decode(std::string_view body) const override {
    auto object = std::make_shared<T>();
    if (!DecodeStruct(T::Describe(), body, FieldValidation::kIgnore, object.get())) return nullptr;
    return object;
  }
};

// What somebody made of one version of an object.
template <typename Object, typename Made>
struct MadeOf {
  std::shared_ptr<const Object> from;
  Made made;
};

// Brings what was made of objects up to date with the objects: what is made of each is made once.
// Whether anything changed.
template <typename Object, typename Made, typename Make>
bool Refresh(std::vector<MadeOf<Object, Made>>& known,
             const std::vector<std::shared_ptr<const Object>>& objects, const Make& make) {
  using Each = MadeOf<Object, Made>;
  const auto same = [](const Each& each, const auto& object) { return each.from == object; };
  if (std::equal(known.begin(), known.end(), objects.begin(), objects.end(), same)) return false;
  std::map<const Object*, Each> before;
  for (Each& each : known) before.emplace(each.from.get(), std::move(each));
  known.clear();
  for (const auto& object : objects) {
    const auto found = before.find(object.get());
    known.push_back(found != before.end() ? std::move(found->second) : Each{object, make(object)});
  }
  return true;
}

}  // namespace skiff
