#include "apiserver/kinds/document_hash.h"

#include <algorithm>
#include <cctype>

#include "base/hash.h"

namespace skiff {

std::string DocumentHash(std::string_view text) {
  std::string hash = Hex(Sha512(text));
  std::transform(hash.begin(), hash.end(), hash.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return hash;
}

}  // namespace skiff
