// /status: the status alone, of every kind that has one.
#include "apiserver/subresources/subresources.h"

namespace skiff {

const UpdateMode& StatusMode() {
  static const UpdateMode kMode{.subresource = "status"};
  return kMode;
}

}  // namespace skiff
