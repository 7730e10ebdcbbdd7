// How a page of the console shows that it has the key of a client certificate, and keeps the key to
// itself (decision 0096): it signs a challenge of this server (console_challenges.h).
//
//   what is signed           SignedText(origin of the page, challenge)
//   by a key of RSA          PKCS #1 v1.5 with SHA-256
//   P-256, P-384, P-521      ECDSA with SHA-256, SHA-384, SHA-512; both numbers in full length,
//                            as WebCrypto writes them
//   Ed25519                  as it is
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff {

struct KeyProof {
  std::string certificate_pem;  // With those between it and its authority.
  std::string text;             // What was signed.
  std::string signature;
};

// No part of a handshake, no token and no certificate begins as it does: what is signed for one of
// those is good for nothing here, and the reverse.
std::string SignedText(std::string_view origin, std::string_view challenge);

// Whether the key of the first certificate made that signature; whose it is and whether it is good
// remains to be seen. Unauthorized, with why, where it did not; Invalid for what is no certificate,
// and for keys that are too weak, or take too long to ask.
Result<> CheckProof(const KeyProof& proof);

}  // namespace skiff
