#include "api/element_order.h"

#include <algorithm>
#include <vector>

namespace skiff {
namespace {

// What tells an item apart: the value of its key, or itself.
const Json& Identity(const Json& item, const std::string& key) {
  static const Json kNone;
  if (key.empty()) return item;
  const auto found = item.find(key);
  return found == item.end() ? kNone : *found;
}

// -1: it is not there.
std::ptrdiff_t PlaceOf(const Json& item, const Json& list, const std::string& key) {
  const Json& wanted = Identity(item, key);
  for (size_t i = 0; i < list.size(); ++i) {
    if (Identity(list[i], key) == wanted) return static_cast<std::ptrdiff_t>(i);
  }
  return -1;
}

void SortLike(std::vector<Json>& items, const Json& order, const std::string& key) {
  std::stable_sort(items.begin(), items.end(), [&](const Json& a, const Json& b) {
    return PlaceOf(a, order, key) < PlaceOf(b, order, key);
  });
}

}  // namespace

Json OrderLike(const Json& merged, const Json& wanted, const Json& before, const std::string& key) {
  std::vector<Json> listed, others;
  for (const Json& item : merged) {
    (PlaceOf(item, wanted, key) >= 0 ? listed : others).push_back(item);
  }
  SortLike(listed, wanted, key);
  SortLike(others, before, key);
  Json out = Json::array();
  auto other = others.begin();
  for (Json& item : listed) {
    const std::ptrdiff_t place = PlaceOf(item, before, key);
    while (other != others.end()) {
      const std::ptrdiff_t other_place = PlaceOf(*other, before, key);
      if (place < 0 || other_place < 0 || other_place > place) break;
      out.push_back(std::move(*other++));
    }
    out.push_back(std::move(item));
  }
  for (; other != others.end(); ++other) out.push_back(std::move(*other));
  return out;
}

bool FollowsOrder(const Json& list, const Json& order, const std::string& key) {
  size_t at = 0;
  for (const Json& item : list) {
    if (!key.empty() && item.is_object() && item.value("$patch", "") == "delete") continue;
    while (at < order.size() && Identity(order[at], key) != Identity(item, key)) ++at;
    if (at == order.size()) return false;
    ++at;
  }
  return true;
}

}  // namespace skiff
