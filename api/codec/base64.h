// Standard base64, as Go's encoding/base64 reads and writes it.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff {

std::string EncodeBase64(std::string_view bytes);
// Line breaks are passed over. Fails with Go's "illegal base64 data at input byte N".
Result<std::string> DecodeBase64(std::string_view text);

}  // namespace skiff
