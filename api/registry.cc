#include "api/registry.h"

#include <algorithm>
#include <atomic>
#include <tuple>

#include "base/text.h"

namespace skiff {
namespace {

std::string Joined(std::string_view a, std::string_view b, std::string_view c) {
  std::string key(a);
  key.append("/").append(b).append("/").append(c);
  return key;
}

bool IsNamed(const KindInfo& kind, std::string_view word) {
  const auto& shorts = kind.short_names;
  return kind.resource == word || kind.singular == word || Lower(kind.kind) == word ||
         std::find(shorts.begin(), shorts.end(), word) != shorts.end();
}

bool InDiscoveryOrder(const KindInfo* a, const KindInfo* b) {
  return std::tie(b->group_priority, a->group, b->version_priority, a->resource) <
         std::tie(a->group_priority, b->group, a->version_priority, b->resource);
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

KindSet::KindSet(RuntimeKinds runtime) : runtime_(std::move(runtime)) {
  const auto built_in = BuiltInKinds();
  const auto add = [this](const KindInfo* kind) {
    if (!by_resource_.emplace(Joined(kind->group, kind->version, kind->resource), kind).second) {
      return;
    }
    by_kind_.emplace(Joined(kind->api_version, "", kind->kind), kind);
    kinds_.push_back(kind);
  };
  for (const KindInfo* kind : built_in) add(kind);
  for (const auto& kind : runtime_) add(kind.get());
  std::stable_sort(kinds_.begin(), kinds_.end(), InDiscoveryOrder);
}

const KindInfo* KindSet::FindResource(std::string_view group, std::string_view version,
                                      std::string_view resource) const {
  const auto found = by_resource_.find(Joined(group, version, resource));
  return found == by_resource_.end() ? nullptr : found->second;
}

const KindInfo* KindSet::FindKind(std::string_view api_version, std::string_view kind) const {
  const auto found = by_kind_.find(Joined(api_version, "", kind));
  return found == by_kind_.end() ? nullptr : found->second;
}

const KindInfo* KindSet::FindWord(std::string_view word) const {
  const std::string lower = Lower(word);
  const std::string_view all = lower;
  const size_t dot = all.find('.');
  const std::string_view name = all.substr(0, dot);
  const std::string_view rest = dot == all.npos ? "" : all.substr(dot + 1);
  for (const KindInfo* kind : kinds_) {
    if (!IsNamed(*kind, name)) continue;
    if (dot == all.npos || rest == kind->group) return kind;
    // "deployments.v1.apps"; "pods.v1." and "pods.v1" name the core group.
    const std::string_view version = rest.substr(0, rest.find('.'));
    const std::string_view group =
        version.size() < rest.size() ? rest.substr(version.size() + 1) : "";
    if (version == kind->version && group == kind->group) return kind;
  }
  return nullptr;
}

bool KindSet::HasGroup(std::string_view group) const {
  return std::any_of(kinds_.begin(), kinds_.end(),
                     [&](const KindInfo* kind) { return kind->group == group; });
}

bool KindSet::HasGroupVersion(std::string_view group, std::string_view version) const {
  return std::any_of(kinds_.begin(), kinds_.end(), [&](const KindInfo* kind) {
    return kind->group == group && kind->version == version;
  });
}

Registry::Registry() : now_(std::make_shared<const KindSet>(RuntimeKinds())) {}

std::shared_ptr<const KindSet> Registry::Now() const {
  MutexLock lock(mutex_);
  return now_;
}

void Registry::SetRuntimeKinds(RuntimeKinds kinds) {
  auto next = std::make_shared<const KindSet>(std::move(kinds));
  MutexLock lock(mutex_);
  now_.swap(next);
}

}  // namespace skiff
