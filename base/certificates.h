// X.509: an authority and what it issues, certificate requests, and what stands in certificates.
// All text is PEM. With base/hash the door to OpenSSL's crypto for those who are no server.
//
//   const auto key = TRY(NewSigningKey(KeyKind::kP256));
//   const auto request = TRY(MakeCertificateRequest(key.private_pem, {.common_name = "me"}));
//   const auto certificate = TRY(authority.SignRequest(request, terms));
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

struct asn1_string_st;
struct evp_pkey_st;
struct x509_st;

namespace skiff {

inline constexpr Duration kAuthorityLifetime = 24h * 3650;
inline constexpr Duration kLeafLifetime = 24h * 365;
// A leaf is issued again when less than this part of its life is left.
inline constexpr double kRenewBelow = 0.3;
// Clocks of machines differ; a certificate is good from a little before now.
inline constexpr Duration kBackdate = 5min;

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
};

struct CertificateOrder {
  std::string common_name;
  std::vector<std::string> organizations = {};
  std::vector<std::string> dns_names = {};
  std::vector<std::string> ip_addresses = {};
  bool server = false;
  bool client = false;
  Duration lifetime = kLeafLifetime;
};

// What the signer of a request decides; subject and names are the request's.
struct SigningTerms {
  TimePoint not_before;
  TimePoint not_after;  // The authority's own end at the latest.
  bool digital_signature = true;
  bool key_encipherment = false;
  bool server = false;
  bool client = false;
};

// Issues P-256 certificates. Immutable.
class CertificateAuthority {
 public:
  static Result<CertificateAuthority> Create(std::string_view common_name, TimePoint now);
  // Invalid: not PEM, or the key is another certificate's.
  static Result<CertificateAuthority> FromPem(const KeyPair& pem);

  Result<KeyPair> Issue(const CertificateOrder& order, TimePoint now) const;
  // A certificate for the public key, subject and alternative names of a request; its other
  // extensions are dropped, and of its subject what Kubernetes' signer drops: a uid, and all common
  // names but the last.
  Result<std::string> SignRequest(std::string_view request_pem, const SigningTerms& terms) const;
  const KeyPair& pem() const { return pem_; }

 private:
  CertificateAuthority() = default;
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
  KeyPair pem_;
};

// What an order's alternative names are as text: by which two orders are compared.
std::string AlternativeNames(const CertificateOrder& order);

// Whom a certificate or a request names.
struct CertificateNames {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  std::vector<std::string> emails;
  std::vector<std::string> uris;
};
// Invalid unless the request is PEM and signed by its own key, and gives its names once.
Result<CertificateNames> NamesOfRequest(std::string_view request_pem);
Result<CertificateNames> NamesOfCertificate(std::string_view certificate_pem);

// A request with the subject and names of the order; its other members say nothing here.
Result<std::string> MakeCertificateRequest(std::string_view key_pem, const CertificateOrder& order);

// OpenSSL's ASN1_TIME, which says any second until the year 9999: the nearest one that TimePoint
// can say, and none before 1970, so that each lifetime is a Duration. What is no time at all is
// 1970.
TimePoint PointOf(const asn1_string_st* time);

// Of the first certificate of a PEM text.
struct Validity {
  TimePoint not_before;
  TimePoint not_after;
  bool Has(TimePoint now) const { return not_before <= now && now <= not_after; }
};
Result<Validity> ValidityOf(std::string_view certificate_pem);
Result<TimePoint> ExpiryOf(std::string_view certificate_pem);
// Begins and ends of validity taken together: whether it should be issued again now.
bool NeedsRenewal(std::string_view certificate_pem, TimePoint now);
// "sha256:" and the digest, in hex, of the public key of the first certificate: as kubeadm pins an
// authority.
Result<std::string> PublicKeyPin(std::string_view certificate_pem);
// Each certificate of a PEM text by itself, written anew, until what cannot be read.
std::vector<std::string> SplitCertificates(std::string_view pem);
// The same where there must be one at least, and nothing that cannot be read: Invalid otherwise.
Result<std::vector<std::string>> ReadCertificates(std::string_view pem);

enum class KeyKind { kRsa2048, kP256 };
// A private key in PEM (SEC 1 or PKCS 1), and its public half.
struct SigningKeyPair {
  std::string private_pem;
  std::string public_pem;
};
Result<SigningKeyPair> NewSigningKey(KeyKind kind);
// The public half of the first private key of a text.
Result<std::string> PublicPemOf(std::string_view private_pem);
// The first private key of a text, and nothing else, written anew: PKCS 8. Who reads a file need
// not see in it what was read in the text that it was made of.
Result<std::string> RewrittenKey(std::string_view pem);
// How long the private key of RSA is that stands first in a text; nullopt: none does.
std::optional<int> RsaBitsOf(std::string_view pem);
// The same private key as SEC 1 or PKCS 1, the forms that every client reads. Text that is no key
// stays as it is, and so does one that those forms do not know (Ed25519).
std::string WidelyReadKey(std::string_view pem);

}  // namespace skiff
