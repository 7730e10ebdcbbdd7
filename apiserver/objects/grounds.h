// What a new object stands on: records that must still be, at the very step in which it is stored,
// as they were when it was judged by them. Else an object that somebody held up on its way would
// come to be in a namespace, or of a definition, that has gone meanwhile.
//
//   Grounds grounds;                                   // Filled while the object is judged.
//   const auto written = PutOn(store, grounds, object, put);
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/objects/object.h"
#include "apiserver/storage/store.h"
#include "base/error.h"

namespace skiff {

struct Ground {
  std::string key;
  Revision modified;  // Of the record that was judged by.
  // Judges the object once more, by the record of now; nullptr: it is gone.
  Result<> (*check)(const Object& object, const Record* now);
};
using Grounds = std::vector<Ground>;

// Under which key the definition of a custom kind is kept; nullopt where nothing defines it.
std::optional<std::string> DefinitionKeyOf(const KindInfo& kind);

// Adds the definition of a custom resource, as it was when its kind was last seen to follow from
// it.
void AddDefinition(const Object& object, Grounds& grounds);

// Whether the object of a record is being deleted.
bool IsTerminating(const KindInfo& kind, const Record& record);

// Puts a new object: `put` writes it if what it is given is unchanged. Where that has changed and
// carries the object all the same, it is written again.
using PutNew = std::function<Result<Written>(std::vector<Unchanged> relies_on)>;
Result<Written> PutOn(Store& store, Grounds& grounds, const Object& object, const PutNew& put);

}  // namespace skiff
