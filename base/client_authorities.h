// Who signs client certificates: judges certificates as Go's x509 does. Whatever is listed is
// trusted, also when it is no root.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/certificates.h"
#include "base/clock.h"

struct x509_store_st;

namespace skiff {

// Immutable; thread-safe.
class ClientAuthorities {
 public:
  // The certificates of a PEM text, until what cannot be read.
  explicit ClientAuthorities(std::string_view pem);

  // Whether one of them signed the first certificate of `chain_pem` for clients, itself or by way
  // of the others, and all of these are good at `now`: how long they all are. Else nullopt.
  // `level`: how strong keys and signatures have to be, by OpenSSL's SSL_CTX_set_security_level; 0:
  // of any strength, for what a handshake has judged by its own level.
  std::optional<Validity> HaveSignedAt(std::string_view chain_pem, TimePoint now,
                                       int level = 0) const;

 private:
  std::shared_ptr<x509_store_st> store_;
};

}  // namespace skiff
