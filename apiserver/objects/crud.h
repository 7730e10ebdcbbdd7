// The verbs, generic over the kinds: what a route of an object or a collection does. No kind has a
// handler here. `request.route` is set and authorized.
#pragma once

#include "apiserver/request/request_context.h"
#include "apiserver/server/core.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

Result<http::Response> HandleGet(Core& core, ApiRequest& request);
Result<http::Response> HandleList(Core& core, ApiRequest& request);
Result<http::Response> HandleWatch(Core& core, ApiRequest& request);
Result<http::Response> HandleCreate(Core& core, ApiRequest& request);
// These two also write through a subresource that shows the whole object: the route's mode says how
// it differs.
Result<http::Response> HandlePut(Core& core, ApiRequest& request);
Result<http::Response> HandlePatch(Core& core, ApiRequest& request);
Result<http::Response> HandleDelete(Core& core, ApiRequest& request);
Result<http::Response> HandleDeleteCollection(Core& core, ApiRequest& request);

}  // namespace skiff
