// The subresources that have behaviour of their own: one explicit list. `status` is generic and
// holds for every kind whose table has it. Which methods a subresource takes is said by the kind;
// this says what answers them.
#pragma once

#include <string_view>

#include "apiserver/request/request_context.h"
#include "apiserver/server/core.h"
#include "base/error.h"
#include "http/client.h"
#include "http/message.h"

namespace skiff {

// What answers each verb. Where `mode` is set, get, update and patch are those of the main
// resource, with that mode.
struct SubresourceHandlers {
  using Handle = Result<http::Response> (*)(Core& core, ApiRequest& request);
  Handle get = nullptr;
  Handle create = nullptr;
  Handle update = nullptr;
  Handle patch = nullptr;
  const UpdateMode& (*mode)() = nullptr;
  Handle connect = nullptr;  // Whatever the verb.
  bool passes_path = false;  // A path may follow; HEAD and OPTIONS are passed on too.
};

// nullptr when there are none.
const SubresourceHandlers* FindSubresourceHandlers(const KindInfo& kind,
                                                   std::string_view subresource);

// One file each, of the same name.
const UpdateMode& StatusMode();
const UpdateMode& EphemeralContainersMode();
const UpdateMode& ResizeMode();
const UpdateMode& FinalizeMode();
const UpdateMode& ApprovalMode();
Result<http::Response> HandleGetScale(Core& core, ApiRequest& request);
Result<http::Response> HandlePutScale(Core& core, ApiRequest& request);
Result<http::Response> HandlePatchScale(Core& core, ApiRequest& request);
Result<http::Response> HandleBinding(Core& core, ApiRequest& request);
Result<http::Response> HandleEviction(Core& core, ApiRequest& request);
Result<http::Response> HandleToken(Core& core, ApiRequest& request);
// connect.cc
Result<http::Response> HandleExec(Core& core, ApiRequest& request);
Result<http::Response> HandleAttach(Core& core, ApiRequest& request);
Result<http::Response> HandlePortForward(Core& core, ApiRequest& request);
Result<http::Response> HandleLog(Core& core, ApiRequest& request);
// A stream opened by GET would be one for whoever may only read: running a command needs the right
// to create all the same.
Result<> CheckMayCreate(Core& core, const ApiRequest& request);
// proxy.cc
Result<http::Response> HandleProxy(Core& core, ApiRequest& request);
// Makes what the server connects to what was looked at. BadRequest: nothing is led there.
Result<> CheckProxyable(http::Upstream& upstream);

}  // namespace skiff
