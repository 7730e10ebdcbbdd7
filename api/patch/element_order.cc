#include "api/patch/element_order.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "api/codec/json.h"

namespace skiff {
namespace {

// What tells an item apart: the value of its key, or itself.
const Json& Identity(const Json& item, const std::string& key) {
  static const Json kNone;
  if (key.empty()) return item;
  const auto found = item.find(key);
  return found == item.end() ? kNone : *found;
}

// Where the items of a list stand, by what tells them apart; the first one counts.
class Places {
 public:
  Places(const Json& list, const std::string& key) : key_(key) {
    for (size_t i = 0; i < list.size(); ++i) {
      places_.emplace(DumpJson(Identity(list[i], key)), static_cast<std::ptrdiff_t>(i));
    }
  }
  // -1: it is not there.
  std::ptrdiff_t Of(const Json& item) const {
    const auto found = places_.find(DumpJson(Identity(item, key_)));
    return found == places_.end() ? -1 : found->second;
  }

 private:
  const std::string& key_;
  std::unordered_map<std::string, std::ptrdiff_t> places_;
};

struct Placed {
  std::ptrdiff_t place;
  Json item;
};

// Go sorts lists as short as this by insertion, which shows where its order is none: of two items
// whose places it does not know, each stands before the other.
constexpr size_t kInsertionMax = 20;

void Sort(std::vector<Placed>& items) {
  if (items.size() > kInsertionMax) {
    std::stable_sort(items.begin(), items.end(),
                     [](const Placed& a, const Placed& b) { return a.place < b.place; });
    return;
  }
  const auto stands_before = [](const Placed& a, const Placed& b) {
    return a.place < 0 || b.place < 0 || a.place < b.place;
  };
  for (size_t i = 1; i < items.size(); ++i) {
    for (size_t at = i; at > 0 && stands_before(items[at], items[at - 1]); --at) {
      std::swap(items[at], items[at - 1]);
    }
  }
}

}  // namespace

Json OrderLike(const Json& merged, const Json& wanted, const Json& before, const std::string& key) {
  const Places places_wanted(wanted, key), places_before(before, key);
  std::vector<Placed> listed, others;
  for (const Json& item : merged) {
    if (const std::ptrdiff_t place = places_wanted.Of(item); place >= 0) {
      listed.push_back({place, item});
    } else {
      others.push_back({places_before.Of(item), item});
    }
  }
  Sort(listed);
  Sort(others);
  Json out = Json::array();
  auto other = others.begin();
  for (Placed& next : listed) {
    const std::ptrdiff_t place = places_before.Of(next.item);
    while (other != others.end()) {
      if (place < 0 || other->place < 0 || other->place > place) break;
      out.push_back(std::move((other++)->item));
    }
    out.push_back(std::move(next.item));
  }
  for (; other != others.end(); ++other) out.push_back(std::move(other->item));
  return out;
}

bool FollowsOrder(const Json& list, const Json& order, const std::string& key) {
  const auto directive_of = [](const Json& item) -> const Json* {
    const auto found = item.find("$patch");
    return found == item.end() ? nullptr : &*found;
  };
  std::vector<const Json*> items;
  for (const Json& item : list) {
    const Json* directive = key.empty() ? nullptr : directive_of(item);
    if (directive == nullptr || *directive != "delete") items.push_back(&item);
  }
  size_t at = 0, place = 0;
  while (at < items.size() && place < order.size()) {
    const Json& item = *items[at];
    if (directive_of(item) != nullptr) {
      ++at;
      continue;
    }
    if (Identity(order[place], key) == Identity(item, key)) ++at;
    ++place;
  }
  return at == items.size();
}

}  // namespace skiff
