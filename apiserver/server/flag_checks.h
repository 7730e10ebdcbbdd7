// What command lines of kube-apiserver say that cannot be, in its words. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apiserver/server/program.h"

namespace skiff {

// "30000-32767" of --service-node-port-range; also "30000+100" and "30000".
Result<std::pair<int, int>> ParsePortRange(const std::string& text);

// Addresses, ports, times, and what goes only with something else.
Result<> CheckServerFlags(const ApiServerFlags& flags);
// Whether each certificate's file has its key's beside it, and each key's its certificate's.
Result<> CheckPairsOfFiles(const ApiServerFlags& flags);
// Of --service-cluster-ip-range, alone and beside --advertise-address.
Result<> CheckServiceRanges(const ApiServerFlags& flags, const Flags::Given& given);

}  // namespace skiff
