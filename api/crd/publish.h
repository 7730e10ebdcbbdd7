// The schemas of custom resources as OpenAPI documents show them, to kubectl's explain and apply.
#pragma once

#include <string_view>

#include "api/registry.h"
#include "api/values.h"

namespace skiff::crd {

// What a definition of the kind refers to, by the names that such references have.
struct PublishedReferences {
  Json object_meta;  // {"$ref": ...}
};

// The schema of the kind; of v2 what that version of OpenAPI can say.
Json PublishedSchema(const RuntimeKind& kind, bool v2, const PublishedReferences& references);
// Says what the schema of a version is of, itself or its list: `name` is the one's kind.
void AddPublishedMarks(const RuntimeKind& kind, std::string_view name, Json& schema);

}  // namespace skiff::crd
