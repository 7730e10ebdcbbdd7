// Addresses of mail as Go's net/mail reads them: "a@b.c", "Ann <a@b.c>", "\"x y\"@b.c",
// "a@[::1]", and a group of one, "all: a@b.c;". Comments in parentheses stand between the parts.
#pragma once

#include <string_view>

namespace skiff::crd {

bool IsMailAddress(std::string_view text);

}  // namespace skiff::crd
