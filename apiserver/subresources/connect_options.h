// What a connection is asked to be, as the API's document of it: PodExecOptions and its like, read
// from the query. Admission sees it in place of an object.
#pragma once

#include <string>
#include <string_view>

#include "api/values.h"
#include "apiserver/request/request_context.h"
#include "base/error.h"

namespace skiff {

// `request.route` connects. Fails with BadRequest on options that cannot be read.
Result<Json> ConnectOptionsOf(const ApiRequest& request);

// What a proxied request asks of the thing behind: "", or a path with a slash in front; decoded.
std::string PathBehindProxy(const RequestInfo& info);

// Whether what is asked of a kubelet under that path runs something, or leads into a pod.
bool RunsOnNode(std::string_view path);

}  // namespace skiff
