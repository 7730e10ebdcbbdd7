// What OpenSSL says of a connection that failed, as Go says it.
#pragma once

#include <string>

namespace skiff {

// `text` as http::Open gives it; `name` is what the certificate was to be for. What is not about
// TLS stays.
std::string TlsInGoWords(std::string text, const std::string& name);

}  // namespace skiff
