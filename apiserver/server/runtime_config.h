// What --runtime-config asks for: "api/all=true", "apps/v1=false". Pure.
#pragma once

#include <string>
#include <vector>

#include "api/type.h"
#include "base/error.h"

namespace skiff {

// Whatever is to be left out cannot be, and must not be ignored; what is to be there and is not
// gets a line in `notes`. Returns those of KindsOnRequest() that are asked for. Invalid, in
// kube-apiserver's words where it refuses that as well.
Result<std::vector<const KindInfo*>> CheckRuntimeConfig(const std::vector<std::string>& items,
                                                        std::vector<std::string>& notes);
// Where requests take turns: whether the objects that say how are to be left out.
Result<> CheckFairness(const std::vector<std::string>& items);

}  // namespace skiff
