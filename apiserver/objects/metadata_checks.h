// Whether the metadata of an object is valid, as its kind wants it.
#pragma once

#include <string_view>

#include "api/rules/names.h"
#include "api/violations.h"
#include "apiserver/objects/object.h"

namespace skiff {

// As the kind's own validation does.
void CheckMetadata(const Object& object, NameRule name_rule, Violations& out);
void CheckMetadataUpdate(const Object& object, const Object& old, std::string_view subresource,
                         Violations& out);

// Of a custom resource that says that it is of another kind or version (Object::misnamed).
void CheckKindNames(const Object& object, Violations& out);

}  // namespace skiff
