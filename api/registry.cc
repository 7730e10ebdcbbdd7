#include "api/registry.h"

#include <algorithm>
#include <atomic>
#include <tuple>

#include "api/built_in_versions.h"

namespace skiff {
namespace {

bool InDiscoveryOrder(const KindInfo* a, const KindInfo* b) {
  return std::tie(b->group_priority, a->group, b->version_priority, a->resource) <
         std::tie(a->group_priority, b->group, a->version_priority, b->resource);
}

auto ResourceAddress(const KindInfo& kind) {
  return std::tie(kind.group, kind.version, kind.resource);
}

auto KindAddress(const KindInfo& kind) {
  return std::tie(kind.api_version, kind.kind);
}

bool InOrderOfResources(const KindInfo* a, const KindInfo* b) {
  return ResourceAddress(*a) < ResourceAddress(*b);
}

bool InOrderOfKinds(const KindInfo* a, const KindInfo* b) {
  return KindAddress(*a) < KindAddress(*b);
}

using InOrder = bool (*)(const KindInfo* a, const KindInfo* b);
using KindPointers = std::vector<const KindInfo*>;

void PutIn(KindPointers& sorted, const KindInfo* kind, InOrder is_before) {
  sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), kind, is_before), kind);
}

void TakeOut(KindPointers& sorted, const KindInfo* kind, InOrder is_before) {
  const auto [begin, end] = std::equal_range(sorted.begin(), sorted.end(), kind, is_before);
  const auto found = std::find(begin, end, kind);
  if (found != end) sorted.erase(found);
}

// The first one of that address, or nullptr.
template <typename Address, typename AddressOf>
const KindInfo* FindIn(const KindPointers& sorted, const Address& address, AddressOf address_of) {
  const auto found = std::partition_point(
      sorted.begin(), sorted.end(),
      [&](const KindInfo* each) { return address_of(*each) < address; });
  return found == sorted.end() || address_of(**found) != address ? nullptr : *found;
}

}  // namespace

RuntimeKind::RuntimeKind()
    : serial([] {
        static std::atomic<uint64_t> last = 0;
        return ++last;
      }()) {}

std::string_view TableArena::Keep(std::string text) {
  return texts_.emplace_back(std::move(text));
}

std::span<const std::string_view> TableArena::Keep(std::vector<std::string> words) {
  auto& kept = words_.emplace_back();
  for (std::string& word : words) kept.push_back(Keep(std::move(word)));
  return kept;
}

std::span<const Field> TableArena::Keep(std::vector<Field> fields) {
  return fields_.emplace_back(std::move(fields));
}

std::span<const Subresource> TableArena::Keep(std::vector<Subresource> subresources) {
  return subresources_.emplace_back(std::move(subresources));
}

bool IsBuiltInVersion(std::string_view group, std::string_view version) {
  const auto kinds = BuiltInKinds();
  return std::any_of(kinds.begin(), kinds.end(), [&](const KindInfo* kind) {
    return kind->group == group && kind->version == version && !kind->resource.empty();
  });
}

std::vector<const KindInfo*> KindsWith(const std::vector<const KindInfo*>& on_request) {
  std::vector<const KindInfo*> kinds(BuiltInKinds().begin(), BuiltInKinds().end());
  kinds.insert(kinds.end(), on_request.begin(), on_request.end());
  std::stable_sort(kinds.begin(), kinds.end(), InDiscoveryOrder);
  return kinds;
}

KindSet::KindSet(std::span<const KindInfo* const> built_in)
    : kinds_(built_in.begin(), built_in.end()), by_resource_(kinds_), by_kind_(kinds_) {
  std::stable_sort(kinds_.begin(), kinds_.end(), InDiscoveryOrder);
  std::stable_sort(by_resource_.begin(), by_resource_.end(), InOrderOfResources);
  std::stable_sort(by_kind_.begin(), by_kind_.end(), InOrderOfKinds);
}

KindSet::KindSet(const RuntimeKinds& runtime, std::span<const KindInfo* const> built_in)
    : KindSet(KindSet(built_in), {}, runtime) {}

KindSet::KindSet(const KindSet& before, const RuntimeKinds& gone, const RuntimeKinds& added)
    : runtime_(before.runtime_),
      kinds_(before.kinds_),
      by_resource_(before.by_resource_),
      by_kind_(before.by_kind_) {
  for (const RuntimeKindPtr& kind : gone) Remove(kind);
  for (const RuntimeKindPtr& kind : added) Add(kind);
}

void KindSet::Add(const RuntimeKindPtr& kind) {
  if (FindResource(kind->group, kind->version, kind->resource) != nullptr) return;
  runtime_ = runtime_.With(kind);
  PutIn(kinds_, kind.get(), InDiscoveryOrder);
  PutIn(by_resource_, kind.get(), InOrderOfResources);
  PutIn(by_kind_, kind.get(), InOrderOfKinds);
}

void KindSet::Remove(const RuntimeKindPtr& kind) {
  runtime_ = runtime_.Without(kind, [&](const RuntimeKindPtr& each) { return each == kind; });
  TakeOut(kinds_, kind.get(), InDiscoveryOrder);
  TakeOut(by_resource_, kind.get(), InOrderOfResources);
  TakeOut(by_kind_, kind.get(), InOrderOfKinds);
}

const KindInfo* KindSet::FindResource(std::string_view group, std::string_view version,
                                      std::string_view resource) const {
  return FindIn(by_resource_, std::tie(group, version, resource), ResourceAddress);
}

const KindInfo* KindSet::FindKind(std::string_view api_version, std::string_view kind) const {
  return FindIn(by_kind_, std::tie(api_version, kind), KindAddress);
}

bool KindSet::HasGroup(std::string_view group) const {
  return FindIn(by_resource_, std::tie(group),
                [](const KindInfo& kind) { return std::tie(kind.group); }) != nullptr;
}

Registry::Registry(std::span<const KindInfo* const> built_in)
    : built_in_(built_in.begin(), built_in.end()),
      now_(std::make_shared<const KindSet>(RuntimeKinds(), built_in_)) {}

std::shared_ptr<const KindSet> Registry::Now() const {
  MutexLock lock(mutex_);
  return now_;
}

void Registry::SetRuntimeKinds(const RuntimeKinds& kinds) {
  const MutexLock turn(changing_);
  auto next = std::make_shared<const KindSet>(kinds, built_in_);
  const MutexLock lock(mutex_);
  now_.swap(next);
}

void Registry::ChangeRuntimeKinds(const RuntimeKinds& gone, const RuntimeKinds& added) {
  const MutexLock turn(changing_);
  auto next = std::make_shared<const KindSet>(*Now(), gone, added);
  const MutexLock lock(mutex_);
  now_.swap(next);
}

}  // namespace skiff
