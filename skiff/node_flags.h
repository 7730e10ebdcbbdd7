// What the flags of a node may say, of `up` and `join` alike.
#pragma once

#include "skiff/cluster.h"

namespace skiff {

// Invalid names the flag. Where nodes are simulated, a wrong value is none the righter for having
// no effect. Takes out taints that are none ("--register-with-taints=").
Result<> CheckNodeFlags(ClusterOptions& options);

// Invalid: `--FLAG=VALUE: it must be between LEAST and MOST`.
Result<> CheckFlagNumber(const char* flag, int value, int least, int most);

}  // namespace skiff
