// namespaces/finalize: what the namespace controller calls when a namespace is empty.
#include "api/gen/core_v1.h"
#include "api/rules/namespace_finalize.h"
#include "apiserver/api_errors.h"
#include "apiserver/crud.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {

Result<http::Response> HandleFinalize(Core& core, ApiRequest& request) {
  if (request.http.method != "PUT") return Fail(MethodNotAllowedHere());
  UpdateMode mode{.subresource = "finalize"};
  mode.prepare = [](Object& object, const Object& old) {
    object.As<core_v1::Namespace>()->status = old.As<core_v1::Namespace>()->status;
  };
  mode.validate = [](const Object& object, const Object&, Violations& out) {
    ValidateNamespaceFinalize(*object.As<core_v1::Namespace>(), out);
  };
  return HandleWholeObject(core, request, mode);
}

}  // namespace skiff
