// Who writes which field of an object, whatever its kind: api/patch/managed_fields.h over structs
// and documents.
#pragma once

#include <string>

#include "apiserver/objects/object.h"
#include "apiserver/request/request_context.h"
#include "apiserver/request/write_options.h"

namespace skiff {

// Puts down who writes what: the difference between the old object, null on create, and the one
// that was sent, with defaults. Leaves the old one as it is.
Result<> TrackFields(const std::string& subresource, const ApiRequest& request,
                     const WriteOptions& options, Object* old, Object& object);

}  // namespace skiff
