// What a page of the console holds of its session: all that there is of it, sealed, so that a
// server need keep nothing (decision 0097).
//
//   token  = "skiff-console." base64url(seal(ticket))       AES-256-GCM, a key for each ticket
//   ticket = 16 bytes of id, be64 made, be64 until (seconds), a byte: by a handshake or a proof,
//            then of each certificate be32 size and DER
//
// Who the session is of stands in the certificate, and whether that is still so is asked anew each
// time. Pure but for random bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apiserver/encryption/ciphers.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

struct ConsoleTicket {
  std::string id = {};  // In hex; each that is sealed has one of its own.
  TimePoint made;
  TimePoint until;
  // Whether a signature showed its key, and not a handshake of this cluster's servers.
  bool by_proof = false;
  std::string certificate_pem;  // With those between it and its authority.
};

// What a key of tickets is derived for (ServiceAccountTokens::SecretFor).
inline constexpr std::string_view kTicketPurpose = "tickets of the console";
// Certificates of no more PEM than this are taken. Of RSA of 4,096 bits there is room for five.
inline constexpr size_t kTicketCertificatesMax = 16 << 10;

// So that no other kind of token is ever looked for among tickets, nor a ticket elsewhere.
bool IsConsoleTicket(std::string_view token);
// Invalid where the certificates are none, or too many.
Result<std::string> SealTicket(const ValueCipher& cipher, const ConsoleTicket& ticket);
// nullopt for what that cipher has not sealed. Whether its time is over is not looked at.
std::optional<ConsoleTicket> OpenTicket(const ValueCipher& cipher, std::string_view token);

}  // namespace skiff
