// What command lines of kube-apiserver say that cannot be, in its words. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apiserver/server/program.h"

namespace skiff {

// What --runtime-config asks for: "api/all=true", "apps/v1=false". Whatever is to be left out
// cannot be, and must not be ignored; what is to be there and is not gets a line in `notes`.
// Returns those of KindsOnRequest() that are asked for.
Result<std::vector<const KindInfo*>> CheckRuntimeConfig(const std::vector<std::string>& items,
                                                        std::vector<std::string>& notes);

// "30000-32767" of --service-node-port-range.
Result<std::pair<int, int>> ParsePortRange(const std::string& text);

// Addresses, ports, times, and what goes only with something else.
Result<> CheckServerFlags(const ApiServerFlags& flags);

}  // namespace skiff
