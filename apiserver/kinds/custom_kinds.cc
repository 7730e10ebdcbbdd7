#include "apiserver/kinds/custom_kinds.h"

#include <algorithm>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/crd/custom_kind.h"
#include "api/gen/apiextensions_v1.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"
#include "base/hash.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kKindsLog("custom-kinds");

constexpr Duration kReadAgainAfter = 1s;

std::string DefinitionsPrefix() {
  return StorePrefix(apiextensions_v1::CustomResourceDefinition::Info().storage_key);
}

// The parts of a definition that its kinds follow from.
std::string WhatCounts(const crd::DefinitionText& cut) {
  const Json& definition = cut.document;
  Json parts = Json::object();
  if (const Json* names = FindPath(definition, "status.acceptedNames")) parts["names"] = *names;
  // Says whether reads may have to wait for the webhook.
  if (TextAt(definition, "spec.conversion.strategy") == "Webhook") {
    parts["storedVersions"] = ListAt(definition, "status.storedVersions");
  }
  Json& conditions = parts["conditions"];  // Of which somebody may have made one of any name.
  for (const Json& condition : ListAt(definition, "status.conditions")) {
    conditions[TextAt(condition, "type")] = TextAt(condition, "status");
  }
  return DumpJson(parts).append(cut.spec);
}

// A definition is called after its plural and its group.
std::string_view GroupOfKey(std::string_view key) {
  const std::string_view name = key.substr(key.rfind('/') + 1);
  const size_t dot = name.find('.');
  return dot == name.npos ? "" : name.substr(dot + 1);
}

}  // namespace

CustomKinds::CustomKinds(Store& store, ServedKinds& served, const Clock& clock)
    : CustomKinds(store, served, clock, [](const auto& each) { return crd::MakeKinds(each); }) {}

std::string_view CustomKinds::GroupOf(std::string_view path) {
  constexpr std::string_view kGroups = "/apis";
  if (path.starts_with("/openapi/")) return kEveryGroup;
  if (!path.starts_with(kGroups)) return "";
  path.remove_prefix(kGroups.size());
  if (path.empty() || path == "/") return kEveryGroup;
  if (path[0] != '/') return "";
  path.remove_prefix(1);
  return path.substr(0, path.find('/'));
}

std::shared_ptr<CustomKinds::Definition> CustomKinds::Read(
    const Change& change, const std::string& digest_before) const {
  auto read = std::make_shared<Definition>();
  if (change.record == nullptr) return read;
  try {
    const auto view = ObjectView::Of(*change.record);
    read->is_readable = !IsUnreadable(change.record->value);
    if (!view) return read;
    const auto definition = crd::CutDefinition(view->body());
    // The first write of each, which waits for its names to be accepted, makes nothing.
    if (!definition || !crd::MakesKinds(definition->document)) return read;
    read->digest = Sha256(WhatCounts(*definition));
    if (read->digest == digest_before) return nullptr;
    read->kinds = make_(*definition);
  } catch (const std::exception& problem) {
    // What got past validation harms its own kind alone.
    kKindsLog.Error("definition not understood",
                    {{"key", change.record->key}, {"error", problem.what()}});
  }
  return read;
}

bool CustomKinds::InOrderOfGroups::operator()(std::string_view a, std::string_view b) const {
  const std::string_view left = GroupOfKey(a), right = GroupOfKey(b);
  return left != right ? left < right : a < b;
}

bool CustomKinds::InOrderOfGroups::operator()(std::string_view key, Group group) const {
  return GroupOfKey(key) < group.name;
}

bool CustomKinds::InOrderOfGroups::operator()(Group group, std::string_view key) const {
  return group.name < GroupOfKey(key);
}

template <typename Map>
auto CustomKinds::Of(Map& keys, std::string_view group) {
  if (group == kEveryGroup) return std::pair(keys.begin(), keys.end());
  return keys.equal_range(Group{group});
}

bool CustomKinds::IsAwaited(const Changes& changes, std::string_view group, Revision until) {
  const auto [begin, end] = Of(changes, group);
  return std::any_of(begin, end,
                     [&](const auto& each) { return each.second.revision <= until; });
}

void CustomKinds::Build(std::string_view group, PatientLock& lock) {
  std::map<std::string, std::string> before;
  for (auto [change, end] = Of(waiting_, group); change != end;) {
    const auto known = definitions_.find(change->first);
    before[change->first] = known == definitions_.end() ? "" : known->second.digest;
    building_.insert(waiting_.extract(change++));
  }
  const Changes changes = building_;
  std::map<std::string, std::shared_ptr<Definition>> made;
  lock.unlock();
  for (const auto& [key, change] : changes) made[key] = Read(change, before[key]);
  lock.lock();
  RuntimeKinds gone, added;
  for (auto& [key, definition] : made) {
    unreadable_.erase(key);
    if (definition == nullptr) {
      // It says what it said, and so all its kinds.
      const auto& kinds = definitions_[key].kinds;
      if (!kinds.empty()) *kinds[0]->custom->defined_at = changes.at(key).record->modified.value;
      continue;
    }
    if (!definition->is_readable) {
      // What it was, it is.
      unreadable_[key] = {changes.at(key).record->modified,
                          clock_.Monotonic() + kReadAgainAfter};
      if (definitions_[key].digest.empty()) definitions_.erase(key);
      continue;
    }
    Definition& known = definitions_[key];
    gone.insert(gone.end(), known.kinds.begin(), known.kinds.end());
    added.insert(added.end(), definition->kinds.begin(), definition->kinds.end());
    known = std::move(*definition);
    if (known.digest.empty()) definitions_.erase(key);
  }
  building_.clear();
  if (!gone.empty() || !added.empty()) served_.Change(gone, added);
  built_.notify_all();
}

void CustomKinds::Reload() {
  const auto page = pause_.List(store_, {.prefix = DefinitionsPrefix()});
  if (!page) return;
  were_read_ = true;
  waiting_.clear();
  // What is not listed is gone, also where somebody is building it just now.
  for (const auto& [key, change] : building_) waiting_[key] = {nullptr, page->revision};
  for (const auto& [key, definition] : definitions_) waiting_[key] = {nullptr, page->revision};
  for (const RecordPtr& record : page->records) waiting_[record->key] = {record, page->revision};
  // Nobody is woken: who wants to know asks.
  auto cursor = store_.Watch(DefinitionsPrefix(), page->revision, [] {});
  if (!cursor) return;
  cursor_ = std::move(*cursor);
  seen_ = page->revision;
}

bool CustomKinds::TakeEvents() {
  return ReadThrough(*cursor_, store_.Current(), [&](const Event& event) REQUIRES(mutex_) {
    const bool is_gone = event.kind == Event::Kind::kDelete;
    waiting_[event.record->key] = {is_gone ? nullptr : event.record, event.revision};
  });
}

// The store may take its time, and whatever opens what it holds, too.
void CustomKinds::ReadAgain(std::string_view group, PatientLock& lock) {
  const Duration now = clock_.Monotonic();
  std::vector<std::string> keys;
  for (auto [each, end] = Of(unreadable_, group); each != end; ++each) {
    if (now >= each->second.again_at) keys.push_back(each->first);
  }
  if (keys.empty() || !MayWait()) return;
  for (const std::string& key : keys) unreadable_[key].again_at = now + kReadAgainAfter;
  std::map<std::string, Change> found;
  lock.unlock();
  for (const std::string& key : keys) {
    if (const auto record = store_.Get(key)) found[key] = {*record, store_.Current()};
  }
  lock.lock();
  CatchUp();
  for (auto& [key, change] : found) {
    const auto unreadable = unreadable_.find(key);
    if (unreadable == unreadable_.end() ||
        unreadable->second.revision > change.record->modified) {
      continue;
    }
    if (!building_.contains(key)) waiting_.emplace(key, std::move(change));
  }
}

void CustomKinds::CatchUp() {
  const Revision current = store_.Current();
  if (cursor_ && seen_ == current) return;
  if (cursor_ && TakeEvents()) {
    seen_ = current;
    return;
  }
  if (!MayWait()) return;
  cursor_.reset();
  Reload();
}

void CustomKinds::AwaitGroup(std::string_view group, PatientLock& lock) {
  CatchUp();
  if (!group.empty()) ReadAgain(group, lock);
  // What is written from now on, and over and over, is somebody else's to wait for.
  const Revision until = store_.Current();
  while (!group.empty()) {
    const bool is_built = IsAwaited(building_, group, until);
    if (!is_built && !IsAwaited(waiting_, group, until)) break;
    if (!MayWait()) break;
    if (building_.empty()) {
      Build(group, lock);
    } else {
      built_.wait(lock);
    }
  }
}

std::shared_ptr<const Served> CustomKinds::Now(std::string_view group) {
  PatientLock lock(mutex_);
  if (lock) AwaitGroup(group, lock);
  return served_.Now();
}

// Both under the lock: in between, a key that comes back would leave the old kinds with no word
// of what they lack.
CustomKinds::Snapshot CustomKinds::Take(std::string_view group) {
  PatientLock lock(mutex_);
  if (!lock) return {served_.Now(), {}};
  AwaitGroup(group, lock);
  Snapshot taken{served_.Now(), {}};
  if (!were_read_ && group != kEveryGroup) taken.lacked_groups.emplace(group);
  for (const auto& [key, unreadable] : unreadable_) {
    const auto known = definitions_.find(key);
    const bool is_known = known != definitions_.end() && !known->second.digest.empty();
    if (!is_known) taken.lacked_groups.emplace(GroupOfKey(key));
  }
  return taken;
}

}  // namespace skiff
