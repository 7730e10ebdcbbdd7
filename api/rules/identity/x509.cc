#include "api/rules/identity/x509.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>

#include "base/pem.h"

namespace skiff {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

BioPtr Reader(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

struct PemBlock {
  std::string type;    // "CERTIFICATE", "EC PRIVATE KEY"
  std::string header;  // "": none.
  std::string data;
};

// In order, until one that cannot be read.
std::vector<PemBlock> BlocksOf(std::string_view pem) {
  std::vector<PemBlock> blocks;
  const BioPtr bio = Reader(pem);
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  while (PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1) {
    const auto* bytes = reinterpret_cast<const char*>(data);
    blocks.push_back({name, header, std::string(bytes, static_cast<size_t>(size))});
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
  }
  ERR_clear_error();
  return blocks;
}

std::vector<std::string> BlockTypes(std::string_view pem) {
  std::vector<std::string> types;
  for (PemBlock& block : BlocksOf(pem)) types.push_back(std::move(block.type));
  return types;
}

bool IsKey(const std::string& type) {
  return type.ends_with("PRIVATE KEY");
}

std::string CertificateFault(const std::vector<std::string>& types) {
  if (types.empty()) return "tls: failed to find any PEM data in certificate input";
  if (std::find(types.begin(), types.end(), "CERTIFICATE") != types.end()) return "";
  if (types.size() == 1 && IsKey(types[0])) {
    return "tls: failed to find certificate PEM data in certificate input, but did find a private "
           "key; PEM inputs may have been switched";
  }
  return fmt::format(
      "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM "
      "blocks "
      "of the following types: [{}]",
      fmt::join(types, " "));
}

std::string KeyFault(const std::vector<std::string>& types) {
  if (types.empty()) return "tls: failed to find any PEM data in key input";
  if (std::any_of(types.begin(), types.end(), IsKey)) return "";
  if (types.size() == 1 && types[0] == "CERTIFICATE") {
    return "tls: found a certificate rather than a key in the PEM for the private key";
  }
  return fmt::format(
      "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after "
      "skipping PEM blocks of the following types: [{}]",
      fmt::join(types, " "));
}

}  // namespace

std::string KeyPairFault(std::string_view certificate_pem, std::string_view key_pem) {
  for (std::string fault :
       {CertificateFault(BlockTypes(certificate_pem)), KeyFault(BlockTypes(key_pem))}) {
    if (!fault.empty()) return fault;
  }
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(Reader(certificate_pem).get(), nullptr, &NoPassPhrase, nullptr),
      &X509_free);
  const KeyPtr key(PEM_read_bio_PrivateKey(Reader(key_pem).get(), nullptr, &NoPassPhrase, nullptr),
                   &EVP_PKEY_free);
  const EVP_PKEY* wanted = certificate ? X509_get0_pubkey(certificate.get()) : nullptr;
  ERR_clear_error();
  if (wanted == nullptr) return "x509: malformed certificate";
  if (!key) return "tls: failed to parse private key";
  if (EVP_PKEY_get_base_id(wanted) != EVP_PKEY_get_base_id(key.get())) {
    return "tls: private key type does not match public key type";
  }
  return EVP_PKEY_eq(wanted, key.get()) == 1 ? "" : "tls: private key does not match public key";
}

std::string AuthoritiesFault(std::string_view pem) {
  std::string why = "unable to parse bytes as PEM block";
  bool has_malformed = false;
  for (const PemBlock& block : BlocksOf(pem)) {
    if (!has_malformed) why = "no valid certificate authority data seen";
    if (block.type != "CERTIFICATE" || !block.header.empty()) continue;
    const auto* data = reinterpret_cast<const unsigned char*>(block.data.data());
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        d2i_X509(nullptr, &data, static_cast<long>(block.data.size())), &X509_free);
    ERR_clear_error();
    if (certificate != nullptr) return "";
    why = "failed to parse certificate: x509: malformed certificate";
    has_malformed = true;
  }
  return "unable to load root certificates: " + why;
}

std::string RequestFault(std::string_view request_pem) {
  const std::vector<PemBlock> blocks = BlocksOf(request_pem);
  if (blocks.empty() || blocks[0].type != "CERTIFICATE REQUEST") {
    return "PEM block type must be CERTIFICATE REQUEST";
  }
  const std::string& bytes = blocks[0].data;
  if (bytes.empty()) return "asn1: syntax error: sequence truncated";
  const auto* begin = reinterpret_cast<const unsigned char*>(bytes.data());
  const unsigned char* at = begin;
  const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(
      d2i_X509_REQ(nullptr, &at, static_cast<long>(bytes.size())), &X509_REQ_free);
  EVP_PKEY* key = request ? X509_REQ_get0_pubkey(request.get()) : nullptr;
  const bool is_signed = key != nullptr && X509_REQ_verify(request.get(), key) == 1;
  ERR_clear_error();
  if (key == nullptr) return "asn1: structure error: malformed certificate request";
  if (at != begin + bytes.size()) return "asn1: syntax error: trailing data";
  if (is_signed) return "";
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return "crypto/rsa: verification error";
    case EVP_PKEY_EC:
      return "x509: ECDSA verification failure";
    case EVP_PKEY_ED25519:
      return "x509: Ed25519 verification failure";
    default:
      return "x509: cannot verify signature: algorithm unimplemented";
  }
}

std::string CertificatesFault(std::string_view pem) {
  const std::vector<PemBlock> blocks = BlocksOf(pem);
  for (const PemBlock& block : blocks) {
    if (block.type != "CERTIFICATE") {
      return fmt::format("only CERTIFICATE PEM blocks are allowed, found \"{}\"", block.type);
    }
    if (!block.header.empty()) return "no PEM block headers are permitted";
    if (block.data.empty()) return "found CERTIFICATE PEM block containing 0 certificates";
    const auto* at = reinterpret_cast<const unsigned char*>(block.data.data());
    const unsigned char* const end = at + block.data.size();
    while (at != end) {
      const std::unique_ptr<X509, decltype(&X509_free)> certificate(
          d2i_X509(nullptr, &at, static_cast<long>(end - at)), &X509_free);
      ERR_clear_error();
      if (certificate == nullptr) return "x509: malformed certificate";
    }
  }
  return blocks.empty() ? "must contain at least one CERTIFICATE PEM block" : "";
}

namespace {

// The values of one kind of name in the subject of a request, in order.
Result<std::vector<std::string>> RequestedNames(std::string_view request_pem, int nid) {
  const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(
      PEM_read_bio_X509_REQ(Reader(request_pem).get(), nullptr, &NoPassPhrase, nullptr),
      &X509_REQ_free);
  ERR_clear_error();
  if (!request) return Fail(Reason::kInvalid, "PEM block type must be CERTIFICATE REQUEST");
  std::vector<std::string> names;
  const X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  for (int at = -1;;) {
    at = X509_NAME_get_index_by_NID(subject, nid, at);
    if (at < 0) return names;
    // As whoever is shown the certificate reads it, however its text is encoded.
    unsigned char* text = nullptr;
    const int length = ASN1_STRING_to_UTF8(
        &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length < 0) {
      ERR_clear_error();
      return Fail(Reason::kInvalid, "x509: invalid RDNSequence: invalid attribute value");
    }
    names.emplace_back(reinterpret_cast<const char*>(text), static_cast<size_t>(length));
    OPENSSL_free(text);
  }
}

}  // namespace

Result<std::vector<std::string>> RequestedOrganizations(std::string_view request_pem) {
  return RequestedNames(request_pem, NID_organizationName);
}

Result<std::string> RequestedCommonName(std::string_view request_pem) {
  const auto names = TRY(RequestedNames(request_pem, NID_commonName));
  return names.empty() ? std::string() : names.back();  // As Go reads a subject.
}

}  // namespace skiff
