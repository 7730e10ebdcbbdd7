// The blocks of a PEM text, before OpenSSL reads them.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

// The text without the blocks that are whole, and are no base64: Go passes over these. One without
// an end is left where it is, for it may be half written.
std::string WithoutBrokenBlocks(std::string_view pem);

}  // namespace skiff
