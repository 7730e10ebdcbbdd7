#include "apiserver/tokens/server_identity.h"

#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"

namespace skiff {
namespace {

// Behind its length in two bytes.
std::string WithLength(std::string_view text) {
  std::string with;
  with += static_cast<char>(text.size() >> 8 & 0xFF);
  with += static_cast<char>(text.size() & 0xFF);
  return with.append(text);
}

}  // namespace

std::string ThisHost() {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  return host;
}

std::string ServerIdentityOf(std::string_view host) {
  constexpr size_t kBytes = 16;
  // Other API servers on the machine have a word of their own instead of the second.
  const std::string hashed = WithLength(host) + WithLength("kube-apiserver");
  std::string digest = Lower(Base32(Sha256(hashed).substr(0, kBytes)));
  digest.resize(digest.find_last_not_of('=') + 1);
  return "apiserver-" + digest;
}

std::string MetricDigest(std::string_view text) {
  return text.empty() ? "" : "sha256:" + Hex(Sha256(text));
}

}  // namespace skiff
