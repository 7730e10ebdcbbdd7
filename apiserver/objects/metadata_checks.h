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

// Tells what is wrong with what a custom resource calls itself, which must be something else than
// it is (Object::misnamed).
void CheckKindNames(const Object& object, Violations& out);

}  // namespace skiff
