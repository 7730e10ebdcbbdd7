// What stands in a google.protobuf.Any: a message of protobuf's own, in the wire format.
#pragma once

#include <functional>
#include <string_view>

#include "api/cel/value.h"

namespace skiff::cel {

// What the message stands for whose name `url` ends with. An error value where nobody knows that or
// the bytes are none such, and where `may_make` says no, which is asked before so many bytes are
// made. Calls itself for what stands in one another, kValueDepthMax deep.
Value Unpacked(std::string_view url, std::string_view bytes,
               const std::function<bool(size_t bytes)>& may_make);

}  // namespace skiff::cel
