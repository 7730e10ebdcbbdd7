// Flags that name the files of a certificate and its key.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff::http {

// Fails unless a certificate and its key are both given, or neither is. The flags are those that
// name their files: "--tls-cert-file".
Result<> CheckGivenTogether(const std::string& certificate_file, const std::string& key_file,
                            std::string_view certificate_flag, std::string_view key_flag);

}  // namespace skiff::http
