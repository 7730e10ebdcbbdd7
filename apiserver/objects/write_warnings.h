// What a write warns of, whatever becomes of it.
#pragma once

#include <string_view>

#include "apiserver/objects/object.h"
#include "apiserver/request/request_context.h"

namespace skiff {

// Subresources warn of nothing, but the status of what it says itself, and scale, which writes the
// object through its own endpoint. `old` is null on create.
void AddWarnings(const Object& object, const Object* old, std::string_view subresource,
                 ApiRequest& request);
// Owners that are named again go, with a warning.
void DropOwnersTwiceNamed(Object& object, ApiRequest& request, bool after_admission);

}  // namespace skiff
