// Fields of a KubeletConfiguration that nothing here reads: they are said, and those that restrict
// are refused unless they ask for what is done here anyway. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "api/codec/json.h"
#include "base/error.h"

namespace skiff::kubelet {

// A text each. Invalid names the restriction that cannot be had. `read` has the paths of what has
// an effect: "authentication.x509.clientCAFile".
Result<std::vector<std::string>> UnusedFields(const Json& document,
                                              const std::set<std::string>& read);

}  // namespace skiff::kubelet
