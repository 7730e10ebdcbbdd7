// What nobody can guess.
#pragma once

#include <cstdint>
#include <string>

#include "base/hash.h"
#include "base/id.h"

namespace skiff {

// 256 bits, as text.
inline std::string NewSecret(Random& random) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) {
    const uint64_t next = random.Next();
    bytes.append(reinterpret_cast<const char*>(&next), sizeof next);
  }
  return Base64Url(bytes);
}

}  // namespace skiff
