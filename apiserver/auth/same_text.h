// Comparing secrets.
#pragma once

#include <openssl/crypto.h>

#include <string_view>

namespace skiff {

// Takes as long for a wrong text of the right length as for the right one.
inline bool SameText(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace skiff
