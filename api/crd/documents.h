// What becomes of a document under its schema before anybody validates it: fields that the schema
// does not know go, nulls that it does not allow go, defaults come. Kubernetes' own routines.
#pragma once

#include <string>
#include <vector>

#include "api/crd/schema.h"
#include "api/values.h"
#include "base/error.h"

namespace skiff::crd {

// So many unknown fields are named, fewer where their paths are long; the others go without a word.
inline constexpr size_t kUnknownFieldsMax = 100;

// Drops what the schema does not know. The root is an object without its metadata. `unknown`, where
// it is not null, gets the paths of what went, sorted. Returns whether a null may be left.
bool Prune(const Schema& schema, Json& content, std::vector<std::string>* unknown);
// Drops nulls where the schema neither allows them nor has a default.
void PruneNulls(const Schema& schema, Json& content);
// Fills in defaults that are missing, in everything that is there: all of them, or, where they
// would lengthen the text of `content` by more than `room` bytes, none. Returns false, and leaves
// `content` as it was, in the second case: a default that is long, in each of very many items,
// would fill the memory of whoever reads them. Takes time and memory for no more than `room`.
[[nodiscard]] bool ApplyDefaults(const Schema& schema, Json& content, size_t room);
// Whether it would fill in anything.
bool LacksDefaults(const Schema& schema, const Json& content);

// Brings the metadata of embedded resources into the form of ObjectMeta. Fields of it that do not
// fit are dropped, and metadata that has no fields is left to validation; or (`strict`) the whole
// fails. `unknown` gets the fields that ObjectMeta does not have.
Result<> CoerceEmbedded(const Schema& schema, Json& content, bool strict,
                        std::vector<std::string>* unknown);

// What a document has that these would change. What nothing describes, because something around it
// keeps what its schema does not name, nobody looks at.
struct Findings {
  bool unknown = false;  // Fields that go.
  bool nulls = false;    // Whether allowed or not.
  bool lacks_defaults = false;
};
// Of a schema without embedded resources. Defaults in the place of nulls are not told of.
Findings Inspect(const Schema& schema, const Json& content);

// Whether all of these would leave it as it is. False too where only they themselves could tell: of
// embedded resources, and where there are nulls.
bool IsSurelyComplete(const Schema& schema, const Json& content);

}  // namespace skiff::crd
