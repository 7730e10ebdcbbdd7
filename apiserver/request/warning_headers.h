// What a response says in its Warning headers.
#pragma once

#include <string>
#include <vector>

namespace skiff {

// Values of the headers, in order; each text but once, and none that cannot be said in a header.
// As kube-apiserver has it: once the texts are longer than 4,096 runes together each is cut to 256,
// and what comes after 4,096 runes of these is left out.
std::vector<std::string> WarningHeaders(const std::vector<std::string>& texts);

}  // namespace skiff
