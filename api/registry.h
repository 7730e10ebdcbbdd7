// The kinds known now: the built-in ones, and those that CustomResourceDefinitions made at run
// time.
//
//   Registry registry;
//   const auto kinds = registry.Now();               // Stays as it is while we look.
//   const KindInfo* pods = kinds->FindResource("", "v1", "pods");
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/type.h"
#include "base/mutex.h"
#include "base/shared_list.h"

namespace skiff {

// Owns the tables of kinds made at run time. What it hands out lives as long as it does, and does
// not move.
class TableArena {
 public:
  std::string_view Keep(std::string text);
  std::span<const std::string_view> Keep(std::vector<std::string> words);
  std::span<const Field> Keep(std::vector<Field> fields);
  std::span<const Subresource> Keep(std::vector<Subresource> subresources);
  Type& NewType() { return types_.emplace_back(); }

 private:
  std::deque<std::string> texts_;
  std::deque<std::vector<std::string_view>> words_;
  std::deque<std::vector<Field>> fields_;
  std::deque<std::vector<Subresource>> subresources_;
  std::deque<Type> types_;
};

namespace crd {
struct CustomKind;
}

// A kind made at run time: what it is, with the tables it points into. It has no structs: its
// objects are documents. Every kind whose type has no `ops` is one of these.
struct RuntimeKind : KindInfo, std::enable_shared_from_this<RuntimeKind> {
  RuntimeKind();
  TableArena tables;
  // What its CustomResourceDefinition says beyond the tables; null: documents are taken as they
  // are.
  std::shared_ptr<const crd::CustomKind> custom;
  // Not empty: what the server takes, where discovery lists less of it.
  std::span<const std::string_view> taken_verbs;
  // Of no other kind, before or after: addresses come back.
  const uint64_t serial;
};

// nullptr for a built-in kind.
inline const RuntimeKind* RuntimeKindOf(const KindInfo& kind) {
  const bool built_in = kind.type != nullptr && kind.type->ops != nullptr;
  return built_in ? nullptr : static_cast<const RuntimeKind*>(&kind);
}

using RuntimeKindPtr = std::shared_ptr<const RuntimeKind>;
using RuntimeKinds = std::vector<RuntimeKindPtr>;

// Keeps the kind, whatever becomes of it meanwhile, and nothing of what is served beside it. Null
// for a built-in one, and for one that nobody shares.
inline RuntimeKindPtr Hold(const KindInfo& kind) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  return runtime == nullptr ? nullptr : runtime->weak_from_this().lock();
}

// BuiltInKinds() and those of KindsOnRequest() that are asked for, in discovery order.
std::vector<const KindInfo*> KindsWith(const std::vector<const KindInfo*>& on_request);

// The kinds of one moment. Immutable, so any thread may look.
class KindSet {
 public:
  // `built_in`: those that are no runtime kinds; they live as long as the program.
  explicit KindSet(const RuntimeKinds& runtime,
                   std::span<const KindInfo* const> built_in = BuiltInKinds());
  // What there was `before` without the kinds that are gone, and with those that were added. Costs
  // hardly more the more others there are: ten thousand definitions are written one by one.
  KindSet(const KindSet& before, const RuntimeKinds& gone, const RuntimeKinds& added);

  bool has_runtime_kinds() const { return !runtime_.empty(); }
  // All, in discovery order: group priority, then group, version priority and resource.
  std::span<const KindInfo* const> kinds() const { return kinds_; }
  // nullptr when there is none.
  const KindInfo* FindResource(std::string_view group, std::string_view version,
                               std::string_view resource) const;
  const KindInfo* FindKind(std::string_view api_version, std::string_view kind) const;
  bool HasGroup(std::string_view group) const;

 private:
  explicit KindSet(std::span<const KindInfo* const> built_in);
  void Add(const RuntimeKindPtr& kind);
  void Remove(const RuntimeKindPtr& kind);

  struct BySerial {
    bool operator()(const RuntimeKindPtr& a, const RuntimeKindPtr& b) const {
      return a->serial < b->serial;
    }
  };
  SharedList<RuntimeKindPtr, BySerial> runtime_;
  // The same kinds in three orders; a list of pointers is copied at once.
  std::vector<const KindInfo*> kinds_;
  std::vector<const KindInfo*> by_resource_;  // By group, version and resource.
  std::vector<const KindInfo*> by_kind_;      // By apiVersion and kind; the first one is meant.
};

// Thread-safe. A change is a new set; who looks at the old one keeps it alive.
class Registry {
 public:
  explicit Registry(std::span<const KindInfo* const> built_in = BuiltInKinds());
  std::shared_ptr<const KindSet> Now() const;
  // Replaces all kinds made at run time. One whose group, version and resource are those of a
  // built-in kind, or of one before it, is never found.
  void SetRuntimeKinds(const RuntimeKinds& kinds);
  // The same of some of them.
  void ChangeRuntimeKinds(const RuntimeKinds& gone, const RuntimeKinds& added);

 private:
  const std::vector<const KindInfo*> built_in_;
  Mutex changing_;  // One change after the other.
  mutable Mutex mutex_;
  std::shared_ptr<const KindSet> now_ GUARDED_BY(mutex_);
};

}  // namespace skiff
