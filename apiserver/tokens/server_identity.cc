#include "apiserver/tokens/server_identity.h"

#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"

namespace skiff {

std::string ServerIdentity() {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  constexpr size_t kBytes = 16;
  std::string digest = Lower(Base32(Sha256(host).substr(0, kBytes)));
  digest.resize(digest.find_last_not_of('=') + 1);
  return "apiserver-" + digest;
}

std::string MetricDigest(std::string_view text) {
  return text.empty() ? "" : "sha256:" + Hex(Sha256(text));
}

}  // namespace skiff
