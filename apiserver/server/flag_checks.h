// What command lines of kube-apiserver say that cannot be, in its words. Pure.
#pragma once

#include <string>
#include <vector>

#include "apiserver/server/program.h"

namespace skiff {

// What --runtime-config asks for: "api/all=true", "apps/v1=false". Whatever is to be left out
// cannot be, and must not be ignored; what is to be there and is not gets a line in `notes`.
Result<> CheckRuntimeConfig(const std::vector<std::string>& items, std::vector<std::string>& notes);

// Addresses, ports and times.
Result<> CheckServerFlags(const ApiServerFlags& flags);

}  // namespace skiff
