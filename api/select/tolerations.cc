#include "api/select/tolerations.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

namespace skiff {
namespace {

using core_v1::Toleration;

// For how long: without bounds, or for so many seconds.
using TolerationReach = std::pair<bool, int64_t>;

TolerationReach ReachOf(const Toleration& toleration) {
  if (!toleration.toleration_seconds) return {true, 0};
  return {false, *toleration.toleration_seconds};
}

// Tolerations, by what they tolerate. A request may bring a hundred thousand of them. They outlive
// it.
class TolerationIndex {
 public:
  void Add(const Toleration& toleration) {
    const bool exists = toleration.operator_ == "Exists";
    if (!exists && toleration.operator_ != "Equal" && !toleration.operator_.empty()) return;
    Widest& widest = groups_[Group(toleration.key, toleration.effect, exists,
                                   exists ? std::string_view() : toleration.value)];
    if (widest.first == nullptr) {
      widest.first = &toleration;
    } else if (toleration == *widest.first) {
      return;
    } else if (Covered(toleration) > Covered(*widest.first)) {
      widest.second = std::exchange(widest.first, &toleration);
    } else if (widest.second == nullptr || Covered(toleration) > Covered(*widest.second)) {
      widest.second = &toleration;
    }
  }

  // Whether one that is not just the same tolerates all that `toleration` does.
  bool HasWider(const Toleration& toleration) const {
    for (const std::string_view effect :
         {std::string_view(toleration.effect), std::string_view()}) {
      if (IsWider(Group(toleration.key, effect, true, ""), toleration)) return true;
      if (IsWider(Group("", effect, true, ""), toleration)) return true;
      if (toleration.operator_ != "Equal") continue;
      if (IsWider(Group(toleration.key, effect, false, toleration.value), toleration)) return true;
    }
    return false;
  }

 private:
  // Key, effect, whether whatever the value, and if not the value.
  using Group = std::tuple<std::string_view, std::string_view, bool, std::string_view>;
  // The two of a group that reach farthest and differ.
  struct Widest {
    const Toleration* first = nullptr;
    const Toleration* second = nullptr;
  };

  // Seconds mean something to evictions alone.
  static TolerationReach Covered(const Toleration& toleration) {
    return toleration.effect == "NoExecute" ? ReachOf(toleration) : TolerationReach(true, 0);
  }

  bool IsWider(const Group& group, const Toleration& toleration) const {
    const auto found = groups_.find(group);
    if (found == groups_.end()) return false;
    const auto [first, second] = found->second;
    const Toleration* other = *first == toleration ? second : first;
    return other != nullptr && Covered(*other) >= ReachOf(toleration);
  }

  std::map<Group, Widest> groups_;
};

}  // namespace

bool Tolerates(const core_v1::Toleration& toleration, const core_v1::Taint& taint) {
  const bool exists = toleration.operator_ == "Exists";
  if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
  if (toleration.key.empty()) return exists;
  if (toleration.key != taint.key) return false;
  return exists || toleration.value == taint.value;
}

bool AnyTolerates(const std::vector<core_v1::Toleration>& tolerations,
                  const core_v1::Taint& taint) {
  return std::any_of(tolerations.begin(), tolerations.end(),
                     [&](const auto& toleration) { return Tolerates(toleration, taint); });
}

std::vector<Toleration> MergeTolerations(std::vector<Toleration> tolerations,
                                         const std::vector<Toleration>& more) {
  tolerations.insert(tolerations.end(), more.begin(), more.end());
  TolerationIndex later;
  std::vector<bool> is_narrow(tolerations.size());
  for (size_t i = tolerations.size(); i-- > 0;) {
    is_narrow[i] = later.HasWider(tolerations[i]);
    later.Add(tolerations[i]);
  }
  TolerationIndex kept;
  std::set<std::tuple<std::string_view, std::string_view, std::string_view, std::string_view,
                      std::optional<int64_t>>>
      same;
  std::vector<Toleration> merged;
  for (size_t i = 0; i < tolerations.size(); ++i) {
    const Toleration& each = tolerations[i];
    if (is_narrow[i] || kept.HasWider(each)) continue;
    if (!same.emplace(each.key, each.operator_, each.value, each.effect, each.toleration_seconds)
             .second) {
      continue;
    }
    kept.Add(each);
    merged.push_back(each);
  }
  return merged;
}

}  // namespace skiff
