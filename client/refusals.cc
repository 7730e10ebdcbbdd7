#include "client/refusals.h"

#include <algorithm>

namespace skiff {

bool IsNamespaceTerminating(const Error& error) {
  return std::any_of(error.causes.begin(), error.causes.end(),
                     [](const Cause& cause) { return cause.reason == "NamespaceTerminating"; });
}

}  // namespace skiff
