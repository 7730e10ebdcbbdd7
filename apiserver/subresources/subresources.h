// The subresources that have behaviour of their own: one explicit list. `status` is generic and
// holds for every kind whose table has it.
#pragma once

#include <span>
#include <string_view>

#include "apiserver/core.h"
#include "apiserver/request_context.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

struct SubresourceEntry {
  // "*": of every kind that has it.
  std::string_view group;
  std::string_view resource;
  std::string_view subresource;
  Result<http::Response> (*handle)(Core& core, ApiRequest& request);
};

std::span<const SubresourceEntry> SubresourceEntries();
// nullptr when there is none.
const SubresourceEntry* FindSubresourceEntry(const ApiRequest& request);

// One function a file of the same name.
Result<http::Response> HandleStatus(Core& core, ApiRequest& request);
Result<http::Response> HandleScale(Core& core, ApiRequest& request);
Result<http::Response> HandleBinding(Core& core, ApiRequest& request);
Result<http::Response> HandleEviction(Core& core, ApiRequest& request);
Result<http::Response> HandleToken(Core& core, ApiRequest& request);
Result<http::Response> HandleEphemeralContainers(Core& core, ApiRequest& request);
Result<http::Response> HandleResize(Core& core, ApiRequest& request);
Result<http::Response> HandleFinalize(Core& core, ApiRequest& request);
Result<http::Response> HandleApproval(Core& core, ApiRequest& request);
// connect.cc
Result<http::Response> HandleExec(Core& core, ApiRequest& request);
Result<http::Response> HandleAttach(Core& core, ApiRequest& request);
Result<http::Response> HandlePortForward(Core& core, ApiRequest& request);
Result<http::Response> HandleLog(Core& core, ApiRequest& request);
Result<http::Response> HandleProxy(Core& core, ApiRequest& request);

}  // namespace skiff
