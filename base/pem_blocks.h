// The blocks of a PEM text, before OpenSSL reads them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skiff {

// The text without the blocks that are whole, and are no base64: Go passes over these. One without
// an end is left where it is, for it may be half written.
std::string WithoutBrokenBlocks(std::string_view pem);

// The certificates of the text, each from its first line to its last, as Go's pools read it: blocks
// without an end, of another kind, with headers, or of no base64 are none.
std::vector<std::string_view> CertificateBlocks(std::string_view pem);

}  // namespace skiff
