// pods/ephemeralcontainers: containers added to a running pod to look into it.
#include "api/gen/core_v1.h"
#include "api/rules/pods/pod_subresources.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {

const UpdateMode& EphemeralContainersMode() {
  static const UpdateMode kMode = [] {
    UpdateMode mode{.subresource = "ephemeralcontainers"};
    mode.prepare = [](Object& object, const Object& old) {
      PreparePodEphemeralContainers(*object.As<core_v1::Pod>(), *old.As<core_v1::Pod>());
    };
    mode.validate = [](const Object& object, const Object& old, Violations& out) {
      ValidatePodEphemeralContainers(*object.As<core_v1::Pod>(), *old.As<core_v1::Pod>(), out);
    };
    return mode;
  }();
  return kMode;
}

}  // namespace skiff
