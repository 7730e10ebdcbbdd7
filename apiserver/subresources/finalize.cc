// namespaces/finalize: what the namespace controller calls when a namespace is empty.
#include "api/gen/core_v1.h"
#include "api/rules/core/namespace_finalize.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {

const UpdateMode& FinalizeMode() {
  static const UpdateMode kMode = [] {
    UpdateMode mode{.subresource = "finalize"};
    mode.prepare = [](Object& object, const Object& old) {
      object.As<core_v1::Namespace>()->status = old.As<core_v1::Namespace>()->status;
    };
    mode.validate = [](const Object& object, const Object&, Violations& out) {
      ValidateNamespaceFinalize(*object.As<core_v1::Namespace>(), out);
    };
    return mode;
  }();
  return kMode;
}

}  // namespace skiff
