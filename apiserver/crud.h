// The verbs, generic over the kinds: what a resource request does. No kind has a handler here.
#pragma once

#include <functional>

#include "apiserver/core.h"
#include "apiserver/request_context.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

// Routes by verb and subresource; request.kind is set.
Result<http::Response> HandleResource(Core& core, ApiRequest& request);

// get, update and patch of a subresource that shows the whole object: `status`, `resize` and their
// like differ from the main resource in the mode alone.
Result<http::Response> HandleWholeObject(Core& core, ApiRequest& request, const UpdateMode& mode);

}  // namespace skiff
