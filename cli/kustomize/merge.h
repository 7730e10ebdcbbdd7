// Strategic merge as kustomize does it, which differs from the server's: what a patch adds to a
// list stands in front, and lists of types without a schema are replaced.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/type.h"
#include "api/values.h"

namespace skiff::cli::kustomize {

// Pairs of items that merging one list may have to look at.
inline constexpr size_t kMergePairsMax = 100'000'000;

// What is known of a value: by the tables of the API, or by an OpenAPI document of the user's.
class MergeSchema {
 public:
  MergeSchema() = default;
  // Of objects of a kind. `definitions`: of the document that stands for all tables; null: none. It
  // outlives the schema.
  static MergeSchema Of(const Json& object, const Json* definitions);
  MergeSchema Member(const std::string& name) const;
  MergeSchema Item() const;
  // Whether the lists are merged, item by item, ...
  bool MergesList() const;
  // ... and by which keys; none where the items are no structures.
  std::vector<std::string> Keys() const;

 private:
  MergeSchema Resolved(const Json* open) const;

  const Type* type_ = nullptr;
  const Field* field_ = nullptr;
  const Json* definitions_ = nullptr;
  const Json* open_ = nullptr;
};

// Takes out of an object what a merge drops of it whatever the patch says: nulls that are written
// as nothing, by their JSON pointers, wherever a merge comes by.
void DropBlanks(Json& object, const std::vector<std::string>& blanks, const MergeSchema& schema);

// nullopt: nothing is left of the object. Both have been checked to nest no deeper than
// kObjectDepthMax.
Result<std::optional<Json>> MergePatchInto(Json object, const Json& patch,
                                           const MergeSchema& schema);

}  // namespace skiff::cli::kustomize
