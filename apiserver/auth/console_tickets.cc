#include "apiserver/auth/console_tickets.h"

#include <cstdint>
#include <utility>

#include "base/certificates.h"
#include "base/hash.h"

namespace skiff {
namespace {

constexpr std::string_view kTicketPrefix = "skiff-console.";
// Another form of tickets is to have another text.
constexpr std::string_view kTicketForm = "console ticket 1";
constexpr size_t kTicketIdBytes = 16;
constexpr size_t kTicketHeadBytes = kTicketIdBytes + 8 + 8 + 1;
constexpr std::string_view kCertificateBegins = "-----BEGIN CERTIFICATE-----\n";
constexpr std::string_view kCertificateEnds = "-----END CERTIFICATE-----\n";
constexpr size_t kPemLine = 64;

void PutBigEndian(uint64_t number, int bytes, std::string& out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(number >> shift));
  }
}

uint64_t BigEndianOf(std::string_view bytes) {
  uint64_t number = 0;
  for (const char each : bytes) number = number << 8 | static_cast<uint8_t>(each);
  return number;
}

uint64_t SecondsOfTicket(TimePoint moment) {
  return static_cast<uint64_t>(
      std::chrono::floor<std::chrono::seconds>(moment.time_since_epoch()).count());
}

TimePoint PointOfTicket(std::string_view bytes) {
  return TimePoint(std::chrono::seconds(static_cast<int64_t>(BigEndianOf(bytes))));
}

// The forms of PEM and DER take turns, as a handshake's certificates are remembered by the former.
Result<std::string> PackedCertificates(const std::string& pem) {
  if (pem.size() > kTicketCertificatesMax) {
    return Fail(Reason::kInvalid, "these are more certificates than a login takes (16 KiB)");
  }
  std::string packed;
  for (const std::string& each : SplitCertificates(pem)) {
    std::string_view text = each;
    if (!text.starts_with(kCertificateBegins) || !text.ends_with(kCertificateEnds)) {
      return Fail(Reason::kInvalid, "this is no certificate in PEM");
    }
    text.remove_prefix(kCertificateBegins.size());
    text.remove_suffix(kCertificateEnds.size());
    const auto der = FromBase64(text);
    if (!der) return Fail(Reason::kInvalid, "this is no certificate in PEM");
    PutBigEndian(der->size(), 4, packed);
    packed.append(*der);
  }
  if (packed.empty()) return Fail(Reason::kInvalid, "this is no certificate in PEM");
  return packed;
}

std::optional<std::string> UnpackedCertificates(std::string_view packed) {
  std::string pem;
  while (!packed.empty()) {
    if (packed.size() < 4) return std::nullopt;
    const uint64_t size = BigEndianOf(packed.substr(0, 4));
    packed.remove_prefix(4);
    if (packed.size() < size) return std::nullopt;
    const std::string text = Base64(packed.substr(0, size));
    packed.remove_prefix(size);
    pem.append(kCertificateBegins);
    for (size_t at = 0; at < text.size(); at += kPemLine) {
      pem.append(text, at, kPemLine).append("\n");
    }
    pem.append(kCertificateEnds);
  }
  return pem;
}

}  // namespace

bool IsConsoleTicket(std::string_view token) {
  return token.starts_with(kTicketPrefix);
}

Result<std::string> SealTicket(const ValueCipher& cipher, const ConsoleTicket& ticket) {
  const std::string certificates = TRY(PackedCertificates(ticket.certificate_pem));
  std::string plain = TRY(RandomBytes(kTicketIdBytes));
  PutBigEndian(SecondsOfTicket(ticket.made), 8, plain);
  PutBigEndian(SecondsOfTicket(ticket.until), 8, plain);
  plain.push_back(ticket.by_proof ? '\1' : '\0');
  plain.append(certificates);
  const std::string sealed = TRY(cipher.Seal(plain, kTicketForm));
  return std::string(kTicketPrefix) + Base64Url(sealed);
}

std::optional<ConsoleTicket> OpenTicket(const ValueCipher& cipher, std::string_view token) {
  if (!IsConsoleTicket(token)) return std::nullopt;
  const auto sealed = FromBase64Url(token.substr(kTicketPrefix.size()));
  if (!sealed) return std::nullopt;
  const auto plain = cipher.Open(*sealed, kTicketForm);
  if (!plain || plain->size() < kTicketHeadBytes) return std::nullopt;
  const std::string_view bytes = *plain;
  auto certificates = UnpackedCertificates(bytes.substr(kTicketHeadBytes));
  if (!certificates) return std::nullopt;
  return ConsoleTicket{.id = Hex(bytes.substr(0, kTicketIdBytes)),
                       .made = PointOfTicket(bytes.substr(kTicketIdBytes, 8)),
                       .until = PointOfTicket(bytes.substr(kTicketIdBytes + 8, 8)),
                       .by_proof = bytes[kTicketHeadBytes - 1] != '\0',
                       .certificate_pem = *std::move(certificates)};
}

}  // namespace skiff
