// What command lines of kube-apiserver say of who asks, and of who may, that cannot be, in its
// words.
#pragma once

#include <string>
#include <vector>

#include "apiserver/server/program.h"

namespace skiff {

// What will not do all that may be meant gets a line in `notes`.
Result<> CheckServiceAccountFlags(const ApiServerFlags& flags, std::vector<std::string>& notes);
// Reads the files of authorities. Those that cannot be read are told of where they are used.
Result<> CheckFrontProxyFlags(const ApiServerFlags& flags, std::vector<std::string>& notes);

}  // namespace skiff
