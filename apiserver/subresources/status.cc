// /status: the status alone, of every kind that has one.
#include "apiserver/crud.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {

Result<http::Response> HandleStatus(Core& core, ApiRequest& request) {
  return HandleWholeObject(core, request, {.subresource = "status"});
}

}  // namespace skiff
