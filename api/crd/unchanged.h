// Which parts of an object an update leaves as they are, as far as its schema tells which part was
// which: what is wrong with those is no fault of the update (ratcheting). By Kubernetes' rules:
//
//   - an object is what it was if its members are, all of which the schema names;
//   - a list of type map if its items are, each known again by its keys (KeyedItems): one without
//     them, or the second with the same, is new;
//   - any other list if all of it is. Its items, by themselves, nobody knows again.
//
//   const Unchanged unchanged(schema, document, *old);
//   if (unchanged.Holds(value, old_value)) ...
#pragma once

#include <vector>

#include "api/crd/keyed_items.h"
#include "api/crd/schema.h"
#include "api/values.h"

namespace skiff::crd {

class Unchanged {
 public:
  // Nothing is.
  Unchanged() = default;
  // Looks at each part once. `now` outlives it, and stays where it is.
  Unchanged(const Schema& schema, const Json& now, const Json& old);

  // Whether the value, a part of `now`, is what it was. `old`: the value that it is known to have
  // taken the place of; null where there is none. Of values below one that holds it is not asked.
  bool Holds(const Json& value, const Json* old) const;

 private:
  bool Look(const Schema& schema, const Json& now, const Json& old, KeyedLists& lists);
  bool LookAtList(const Schema& schema, const Json& now, const Json& old, KeyedLists& lists);
  bool LookAtObject(const Schema& schema, const Json& now, const Json& old, KeyedLists& lists);
  bool Note(bool same, const Json& below);

  // Objects and lists that are, and stand in none that is. Sorted, once all are there.
  std::vector<const Json*> same_;
};

}  // namespace skiff::crd
