// The conditions of an object's status.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace skiff {

// nullptr: there is none of that type.
template <typename Condition>
const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type) {
  const auto found = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const Condition& each) { return each.type == type; });
  return found == conditions.end() ? nullptr : &*found;
}

}  // namespace skiff
