// The items of a list of type map, which are known again by their keys; of other lists nobody knows
// which item was which.
//
//   const KeyedItems before(schema.list_type, schema.list_keys, old);
//   const Json* old_item = before.Find(item);
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/type.h"
#include "api/values.h"

namespace skiff::crd {

class KeyedItems {
 public:
  // None where `list` is null, or no list of type map. `keys` and `list` outlive it.
  KeyedItems(ListType type, const std::vector<std::string>& keys, const Json* list);
  // The first one with the keys of `item`; null: there is none, or `item` has not all of its keys.
  const Json* Find(const Json& item) const;

 private:
  const std::vector<std::string>& keys_;
  std::map<std::string, const Json*> items_;
};

// The lists of one old value, each gone through once, however many new lists are said to have taken
// its place: a client may give an item twice, with all that stands in it.
class KeyedLists {
 public:
  // As KeyedItems, and here for as long as this.
  const KeyedItems& Of(ListType type, const std::vector<std::string>& keys, const Json* list);

 private:
  using Place = std::pair<const Json*, const std::vector<std::string>*>;
  std::map<Place, KeyedItems> known_;
};

}  // namespace skiff::crd
