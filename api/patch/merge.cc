#include "api/patch/merge.h"

#include <map>
#include <set>

namespace skiff {
namespace {

// What no list, or no map, has anything to give to.
bool IsBlank(const Json& value, bool is_list) {
  return value.empty() || !(is_list ? value.is_array() : value.is_object());
}

Json MergeMembers(const Spot& spot, Json live, const Json& applied) {
  Json out = live.is_object() ? std::move(live) : Json::object();
  if (applied.is_object()) {
    for (const auto& [name, value] : applied.get_ref<const Json::object_t&>()) {
      const auto place = out.find(name);
      Spot below;
      if (place == out.end() || !spot.Member(name, below)) {
        out[name] = value;
      } else {
        *place = MergeApplied(below, std::move(*place), value);
      }
    }
  }
  if (out.empty()) return Json();
  return out;
}

// Two lists by path element, and how far each has been taken over.
class ListMerger {
 public:
  // What comes over from `live` is taken out of it.
  ListMerger(const Spot& spot, Json& live, const Json& applied) : spot_(spot) {
    live_ = Read(live, first_live_);
    applied_ = Read(applied, first_applied_);
    for (const auto& entry : applied_) {
      if (first_live_.contains(entry.element)) shared_.push_back(entry.element);
    }
  }

  Json Run() {
    while (live_at_ < live_.size() || applied_at_ < applied_.size()) {
      if (live_at_ < live_.size()) {
        if (applied_at_ < applied_.size()) {
          const std::string& element = live_[live_at_].element;
          if (element == applied_[applied_at_].element) {
            ++live_at_;
            TakeApplied();
            continue;
          }
          // An item of both whose turn in the order of `applied` has not come.
          if (first_applied_.contains(element) && next_shared_ < shared_.size() &&
              shared_[next_shared_] != element) {
            ++live_at_;
            continue;
          }
        }
        if (TakeLive()) continue;
      }
      if (applied_at_ < applied_.size()) TakeApplied();
    }
    return out_.empty() ? Json() : Json(std::move(out_));
  }

 private:
  template <typename Value>
  struct Entry {
    std::string element;
    Value* value;
  };

  template <typename Value>
  std::vector<Entry<Value>> Read(Value& list, std::map<std::string, Value*>& first) {
    std::vector<Entry<Value>> entries;
    if (!list.is_array()) return entries;
    for (size_t i = 0; i < list.size(); ++i) {
      auto element = ItemElement(spot_, list[i], i);
      if (!element) continue;
      const auto [place, is_first] = first.emplace(*element, &list[i]);
      if (!is_first) place->second = nullptr;
      entries.push_back({std::move(*element), &list[i]});
    }
    return entries;
  }

  // Whether an item came over or was passed by, so that the next one of `live` is looked at.
  bool TakeLive() {
    const auto& entry = live_[live_at_];
    if (!first_applied_.contains(entry.element)) {
      out_.push_back(std::move(*entry.value));
      ++live_at_;
      return true;
    }
    if (taken_.contains(entry.element)) ++live_at_;
    return false;
  }

  void TakeApplied() {
    const auto& entry = applied_[applied_at_++];
    taken_.insert(entry.element);
    const auto other = first_live_.find(entry.element);
    if (other == first_live_.end() || other->second == nullptr) {
      out_.push_back(*entry.value);
    } else {
      out_.push_back(MergeApplied(spot_.Item(), std::move(*other->second), *entry.value));
    }
    if (next_shared_ < shared_.size() && shared_[next_shared_] == entry.element) ++next_shared_;
  }

  const Spot& spot_;
  std::vector<Entry<Json>> live_;
  std::vector<Entry<const Json>> applied_;
  // Null for an item that is there twice, with neither of which anything is merged.
  std::map<std::string, Json*> first_live_;
  std::map<std::string, const Json*> first_applied_;
  std::vector<std::string> shared_;  // Items of both, in the order of `applied`.
  std::set<std::string> taken_;
  size_t live_at_ = 0, applied_at_ = 0, next_shared_ = 0;
  Json::array_t out_;
};

}  // namespace

Json MergeApplied(const Spot& spot, Json live, const Json& applied) {
  // Null is of whatever form the other is.
  const bool schemaless_leaf = spot.type == nullptr && !applied.is_object() && !applied.is_null();
  if (schemaless_leaf || spot.IsAtomic()) return applied;
  const bool is_list = spot.type != nullptr && spot.type->shape == Shape::kList;
  if (IsBlank(live, is_list) && IsBlank(applied, is_list)) return applied;
  if (is_list) return ListMerger(spot, live, applied).Run();
  return MergeMembers(spot, std::move(live), applied);
}

}  // namespace skiff
