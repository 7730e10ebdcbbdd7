// The kinds known now: the built-in ones, and those that CustomResourceDefinitions made at run
// time.
//
//   Registry registry;
//   const auto kinds = registry.Now();               // Stays as it is while we look.
//   const KindInfo* pods = kinds->FindResource("", "v1", "pods");
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/type.h"
#include "base/mutex.h"

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
struct RuntimeKind : KindInfo {
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

using RuntimeKinds = std::vector<std::shared_ptr<const RuntimeKind>>;

// The kinds of one moment. Immutable, so any thread may look.
class KindSet {
 public:
  explicit KindSet(RuntimeKinds runtime);
  // Those that were made at run time.
  const RuntimeKinds& runtime() const { return runtime_; }
  // All, in discovery order: group priority, then group, version priority and resource.
  std::span<const KindInfo* const> kinds() const { return kinds_; }
  // nullptr when there is none.
  const KindInfo* FindResource(std::string_view group, std::string_view version,
                               std::string_view resource) const;
  const KindInfo* FindKind(std::string_view api_version, std::string_view kind) const;
  // As a user of a command line names a kind: "pods", "pod", "po", "Pod", "deployments.apps",
  // "deployments.v1.apps". The first in discovery order wins.
  const KindInfo* FindWord(std::string_view word) const;
  bool HasGroup(std::string_view group) const;
  bool HasGroupVersion(std::string_view group, std::string_view version) const;

 private:
  RuntimeKinds runtime_;
  std::vector<const KindInfo*> kinds_;
  std::map<std::string, const KindInfo*, std::less<>> by_resource_;  // "group/version/resource"
  std::map<std::string, const KindInfo*, std::less<>> by_kind_;      // "apiVersion/Kind"
};

// Thread-safe. A change is a new set; who looks at the old one keeps it alive.
class Registry {
 public:
  Registry();
  std::shared_ptr<const KindSet> Now() const;
  // Replaces all kinds made at run time. One whose group, version and resource are those of a
  // built-in kind, or of one before it, is never found.
  void SetRuntimeKinds(RuntimeKinds kinds);

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const KindSet> now_ GUARDED_BY(mutex_);
};

}  // namespace skiff
