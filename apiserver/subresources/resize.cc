// pods/resize: CPU and memory of a running pod.
#include "api/gen/core_v1.h"
#include "api/rules/pods/pod_subresources.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {

const UpdateMode& ResizeMode() {
  static const UpdateMode kMode = [] {
    UpdateMode mode{.subresource = "resize"};
    mode.prepare = [](Object& object, const Object& old) {
      PreparePodResize(*object.As<core_v1::Pod>(), *old.As<core_v1::Pod>());
    };
    mode.validate = [](const Object& object, const Object& old, Violations& out) {
      ValidatePodResize(*object.As<core_v1::Pod>(), *old.As<core_v1::Pod>(), out);
    };
    return mode;
  }();
  return kMode;
}

}  // namespace skiff
