// Items of a list by a text of theirs, for whoever looks many of them up: a list that a user gives
// may be as long as a request. Of several with one name the first counts, as it does to who walks
// the list.
//
//   const ByName containers(spec.containers, &Container::name);
//   if (const Container* found = containers.Find("web")) ...
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace skiff {

// Points into the list and at the texts in it: both outlive this, and stay as they are.
template <typename Item>
class ByName {
 public:
  ByName(const std::vector<Item>& items, std::string Item::*name) {
    items_.reserve(items.size());
    for (const Item& item : items) items_.emplace(item.*name, &item);
  }
  // nullptr: there is none.
  const Item* Find(std::string_view name) const {
    const auto found = items_.find(name);
    return found == items_.end() ? nullptr : found->second;
  }
  bool Has(std::string_view name) const { return items_.contains(name); }

 private:
  std::unordered_map<std::string_view, const Item*> items_;
};

}  // namespace skiff
