#include "base/certificates.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <iterator>

#include "base/hash.h"
#include "base/pem.h"
#include "base/pem_blocks.h"

namespace skiff {
namespace {

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* value) const { Free(value); }
};
void FreeExtensions(STACK_OF(X509_EXTENSION) * extensions) {
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}
using BioPtr = std::unique_ptr<BIO, Freer<BIO, BIO_free_all>>;
using RequestPtr = std::unique_ptr<X509_REQ, Freer<X509_REQ, X509_REQ_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION, X509_EXTENSION_free>>;
using ExtensionsPtr =
    std::unique_ptr<STACK_OF(X509_EXTENSION), Freer<STACK_OF(X509_EXTENSION), FreeExtensions>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES, GENERAL_NAMES_free>>;
using SubjectPtr = std::unique_ptr<X509_NAME, Freer<X509_NAME, X509_NAME_free>>;
using KeyPtr = std::shared_ptr<evp_pkey_st>;
using CertificatePtr = std::shared_ptr<x509_st>;

tl::unexpected<Error> CryptoFailure(std::string_view what) {
  return Fail(Reason::kInternalError, "openssl: " + std::string(what));
}

time_t Seconds(TimePoint point) {
  return std::chrono::duration_cast<std::chrono::seconds>(point.time_since_epoch()).count();
}

KeyPtr NewKey(KeyKind kind) {
  EVP_PKEY* key = kind == KeyKind::kP256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
  return {key, &EVP_PKEY_free};
}

BioPtr Memory() {
  return BioPtr(BIO_new(BIO_s_mem()));
}
BioPtr Reading(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

// "EC PRIVATE KEY" and "RSA PRIVATE KEY" (SEC 1, PKCS 1) are what every client reads; PKCS 8 is
// not.
std::string PrivatePem(evp_pkey_st* key) {
  const BioPtr bio = Memory();
  PEM_write_bio_PrivateKey_traditional(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(bio.get());
}

std::string CertificatePem(x509_st* certificate) {
  const BioPtr bio = Memory();
  PEM_write_bio_X509(bio.get(), certificate);
  return TextOf(bio.get());
}

CertificatePtr ReadCertificate(std::string_view pem) {
  return {PEM_read_bio_X509(Reading(pem).get(), nullptr, &NoPassPhrase, nullptr), &X509_free};
}

KeyPtr ReadKey(std::string_view pem) {
  return {PEM_read_bio_PrivateKey(Reading(pem).get(), nullptr, &NoPassPhrase, nullptr),
          &EVP_PKEY_free};
}

// Null unless it is PEM and signed by its own key.
RequestPtr ReadRequest(std::string_view pem) {
  RequestPtr request(PEM_read_bio_X509_REQ(Reading(pem).get(), nullptr, &NoPassPhrase, nullptr));
  if (!request) return nullptr;
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr || X509_REQ_verify(request.get(), key) != 1) return nullptr;
  return request;
}

tl::unexpected<Error> BadRequest() {
  return Fail(Reason::kInvalid, "not a PEM certificate request that is signed by its own key");
}

// Given as what it is, and not as text to be encoded: of that OpenSSL takes no more than 64 bytes,
// and the name of a node, behind what its users begin with, may have three hundred.
void AddName(X509_NAME* name, const char* field, const std::string& value) {
  if (value.empty()) return;
  X509_NAME_add_entry_by_txt(name, field, V_ASN1_UTF8STRING,
                             reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

void AddSubject(X509_NAME* name, const CertificateOrder& order) {
  for (const std::string& organization : order.organizations) AddName(name, "O", organization);
  AddName(name, "CN", order.common_name);
}

bool AddExtension(x509_st* certificate, x509_st* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

void SetSerial(x509_st* certificate) {
  unsigned char bytes[16];
  RAND_bytes(bytes, sizeof bytes);
  bytes[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
}

// With everything but its subject, names and signature. `issuer` null: it issues itself.
CertificatePtr NewCertificate(x509_st* issuer, evp_pkey_st* public_key, const Validity& validity) {
  const CertificatePtr certificate(X509_new(), &X509_free);
  x509_st* raw = certificate.get();
  X509_set_version(raw, 2);
  SetSerial(raw);
  ASN1_TIME_set(X509_getm_notBefore(raw), Seconds(validity.not_before));
  ASN1_TIME_set(X509_getm_notAfter(raw), Seconds(validity.not_after));
  if (issuer != nullptr) X509_set_issuer_name(raw, X509_get_subject_name(issuer));
  X509_set_pubkey(raw, public_key);
  return certificate;
}

bool AddLeafExtensions(x509_st* certificate, x509_st* issuer, const SigningTerms& terms) {
  std::string usage = terms.digital_signature ? "critical,digitalSignature" : "critical";
  if (terms.key_encipherment) usage += ",keyEncipherment";
  std::string extended = terms.server ? "serverAuth" : "";
  if (terms.client) extended += extended.empty() ? "clientAuth" : ",clientAuth";
  bool good = AddExtension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
  if (usage != "critical") good &= AddExtension(certificate, issuer, NID_key_usage, usage);
  if (!extended.empty()) good &= AddExtension(certificate, issuer, NID_ext_key_usage, extended);
  // An authority need not say what its key is called: one of X.509 version 1 has no extensions.
  if (X509_get0_subject_key_id(issuer) == nullptr) return good;
  return good && AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid");
}

std::vector<std::string> TextsOf(const X509_NAME* name, int field) {
  std::vector<std::string> texts;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, field, at)) >= 0;) {
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0) continue;
    texts.emplace_back(reinterpret_cast<char*>(text), static_cast<size_t>(size));
    OPENSSL_free(text);
  }
  return texts;
}

int SubjectFieldOf(const X509_NAME_ENTRY* entry) {
  return OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
}

bool IsReadableName(const X509_NAME_ENTRY* entry) {
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
  if (size >= 0) OPENSSL_free(text);
  return size >= 0;
}

// What Kubernetes' signer takes of a subject: of several common names the last, which is the one
// that was judged, and nothing that Go does not know. A user's uid is among that: nobody has looked
// whose it is.
SubjectPtr SubjectToSign(const X509_NAME* asked) {
  constexpr int kFields[] = {
      NID_countryName, NID_stateOrProvinceName, NID_localityName,           NID_streetAddress,
      NID_postalCode,  NID_organizationName,    NID_organizationalUnitName, NID_serialNumber};
  const int count = X509_NAME_entry_count(asked);
  int common = count - 1;
  for (; common >= 0; --common) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(asked, common);
    if (SubjectFieldOf(entry) == NID_commonName && IsReadableName(entry)) break;
  }
  SubjectPtr subject(X509_NAME_new());
  for (int i = 0; i < count; ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(asked, i);
    const bool is_known = std::find(std::begin(kFields), std::end(kFields),
                                    SubjectFieldOf(entry)) != std::end(kFields);
    if (is_known || i == common) X509_NAME_add_entry(subject.get(), entry, -1, 0);
  }
  return subject;
}

std::string AddressText(const ASN1_OCTET_STRING* address) {
  char text[INET6_ADDRSTRLEN] = {};
  const int size = ASN1_STRING_length(address);
  if (size != 4 && size != 16) return "";
  inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text, sizeof text);
  return text;
}

CertificateNames NamesOf(const X509_NAME* subject, const NamesPtr& alternative) {
  CertificateNames names;
  const auto common = TextsOf(subject, NID_commonName);
  if (!common.empty()) names.common_name = common.back();
  names.organizations = TextsOf(subject, NID_organizationName);
  const auto text = [](const ASN1_STRING* string) {
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                       static_cast<size_t>(ASN1_STRING_length(string)));
  };
  for (int i = 0; alternative && i < sk_GENERAL_NAME_num(alternative.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternative.get(), i);
    if (name->type == GEN_DNS) names.dns_names.push_back(text(name->d.dNSName));
    if (name->type == GEN_EMAIL) names.emails.push_back(text(name->d.rfc822Name));
    if (name->type == GEN_URI) names.uris.push_back(text(name->d.uniformResourceIdentifier));
    if (name->type == GEN_IPADD) names.ip_addresses.push_back(AddressText(name->d.iPAddress));
  }
  return names;
}

CertificatePtr NextCertificate(BIO* from) {
  return {PEM_read_bio_X509(from, nullptr, &NoPassPhrase, nullptr), &X509_free};
}

struct PemSplit {
  std::vector<std::string> certificates;
  bool is_whole = false;  // Nothing but the end of the text ended them.
};
PemSplit SplitUntilFault(std::string_view pem) {
  PemSplit split;
  const std::string text = WithoutBrokenBlocks(pem);
  const BioPtr bio = Reading(text);
  ERR_clear_error();
  while (const CertificatePtr next = NextCertificate(bio.get())) {
    split.certificates.push_back(CertificatePem(next.get()));
  }
  // The end is reported as an error, too: no line begins another one.
  const unsigned long error = ERR_peek_last_error();
  split.is_whole =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return split;
}

}  // namespace

std::string AlternativeNames(const CertificateOrder& order) {
  // OpenSSL's own text form. A name that could smuggle in another entry is left out.
  std::string text;
  const auto add = [&](const char* kind, const std::string& name, const char* forbidden) {
    if (name.empty() || name.find_first_of(forbidden) != std::string::npos) return;
    text += (text.empty() ? "" : ",") + std::string(kind) + name;
  };
  for (const std::string& name : order.dns_names) add("DNS:", name, ",\n:");
  for (const std::string& address : order.ip_addresses) add("IP:", address, ",\n");
  return text;
}

Result<CertificateAuthority> CertificateAuthority::Create(std::string_view common_name,
                                                          TimePoint now) {
  CertificateAuthority authority;
  authority.key_ = NewKey(KeyKind::kP256);
  if (!authority.key_) return CryptoFailure("cannot make a key");
  authority.certificate_ =
      NewCertificate(nullptr, authority.key_.get(), {now - kBackdate, now + kAuthorityLifetime});
  x509_st* raw = authority.certificate_.get();
  AddSubject(X509_get_subject_name(raw), {.common_name = std::string(common_name)});
  X509_set_issuer_name(raw, X509_get_subject_name(raw));
  const bool good =
      AddExtension(raw, raw, NID_basic_constraints, "critical,CA:TRUE") &&
      AddExtension(raw, raw, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign") &&
      AddExtension(raw, raw, NID_subject_key_identifier, "hash");
  if (!good || X509_sign(raw, authority.key_.get(), EVP_sha256()) == 0) {
    return CryptoFailure("cannot make an authority");
  }
  authority.pem_ = {CertificatePem(raw), PrivatePem(authority.key_.get())};
  return authority;
}

Result<CertificateAuthority> CertificateAuthority::FromPem(const KeyPair& pem) {
  CertificateAuthority authority;
  authority.certificate_ = ReadCertificate(pem.certificate_pem);
  authority.key_ = ReadKey(pem.key_pem);
  if (!authority.certificate_ || !authority.key_) {
    return Fail(Reason::kInvalid, "the certificate authority's files are not PEM");
  }
  if (X509_check_private_key(authority.certificate_.get(), authority.key_.get()) != 1) {
    return Fail(Reason::kInvalid,
                "the certificate authority's key does not belong to its certificate");
  }
  authority.pem_ = pem;
  return authority;
}

Result<KeyPair> CertificateAuthority::Issue(const CertificateOrder& order, TimePoint now) const {
  const KeyPtr key = NewKey(KeyKind::kP256);
  if (!key) return CryptoFailure("cannot make a key");
  const auto certificate =
      NewCertificate(certificate_.get(), key.get(), {now - kBackdate, now + order.lifetime});
  x509_st* raw = certificate.get();
  AddSubject(X509_get_subject_name(raw), order);
  bool good =
      AddLeafExtensions(raw, certificate_.get(),
                        {.key_encipherment = true, .server = order.server, .client = order.client});
  const std::string names = AlternativeNames(order);
  if (!names.empty()) {
    good &= AddExtension(raw, certificate_.get(), NID_subject_alt_name, names);
  }
  if (!good || X509_sign(raw, key_.get(), EVP_sha256()) == 0) {
    return CryptoFailure("cannot make a certificate for " + order.common_name);
  }
  return KeyPair{CertificatePem(raw), PrivatePem(key.get())};
}

Result<std::string> CertificateAuthority::SignRequest(std::string_view request_pem,
                                                      const SigningTerms& terms) const {
  const RequestPtr request = ReadRequest(request_pem);
  if (!request) return BadRequest();
  Validity validity{terms.not_before, terms.not_after};
  validity.not_after =
      std::min(validity.not_after, PointOf(X509_get0_notAfter(certificate_.get())));
  const auto certificate =
      NewCertificate(certificate_.get(), X509_REQ_get0_pubkey(request.get()), validity);
  x509_st* raw = certificate.get();
  const SubjectPtr subject = SubjectToSign(X509_REQ_get_subject_name(request.get()));
  X509_set_subject_name(raw, subject.get());
  bool good = AddLeafExtensions(raw, certificate_.get(), terms);
  const ExtensionsPtr asked(X509_REQ_get_extensions(request.get()));
  const int at = asked ? X509v3_get_ext_by_NID(asked.get(), NID_subject_alt_name, -1) : -1;
  if (at >= 0) good &= X509_add_ext(raw, X509v3_get_ext(asked.get(), at), -1) == 1;
  if (!good || X509_sign(raw, key_.get(), EVP_sha256()) == 0) {
    return CryptoFailure("cannot sign the certificate request");
  }
  return CertificatePem(raw);
}

Result<CertificateNames> NamesOfRequest(std::string_view request_pem) {
  const RequestPtr request = ReadRequest(request_pem);
  if (!request) return BadRequest();
  const ExtensionsPtr extensions(X509_REQ_get_extensions(request.get()));
  constexpr int kNone = -1;
  int found = kNone;
  const NamesPtr alternative(!extensions
                                 ? nullptr
                                 : static_cast<GENERAL_NAMES*>(X509V3_get_d2i(
                                       extensions.get(), NID_subject_alt_name, &found, nullptr)));
  // Given twice, or unreadable: who judges names would see none, and the certificate have them.
  if (!alternative && found != kNone) return BadRequest();
  return NamesOf(X509_REQ_get_subject_name(request.get()), alternative);
}

Result<CertificateNames> NamesOfCertificate(std::string_view certificate_pem) {
  const CertificatePtr certificate = ReadCertificate(certificate_pem);
  if (!certificate) return Fail(Reason::kInvalid, "not a PEM certificate");
  const NamesPtr alternative(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  return NamesOf(X509_get_subject_name(certificate.get()), alternative);
}

Result<std::string> MakeCertificateRequest(std::string_view key_pem,
                                           const CertificateOrder& order) {
  const KeyPtr key = ReadKey(key_pem);
  if (!key) return Fail(Reason::kInvalid, "not a PEM private key");
  const RequestPtr request(X509_REQ_new());
  AddSubject(X509_REQ_get_subject_name(request.get()), order);
  X509_REQ_set_pubkey(request.get(), key.get());
  const std::string names = AlternativeNames(order);
  if (!names.empty()) {
    const ExtensionsPtr extensions(sk_X509_EXTENSION_new_null());
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    if (extension == nullptr) return Fail(Reason::kInvalid, "bad name in " + names);
    sk_X509_EXTENSION_push(extensions.get(), extension);
    X509_REQ_add_extensions(request.get(), extensions.get());
  }
  if (X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0) {
    return CryptoFailure("cannot sign a certificate request");
  }
  const BioPtr bio = Memory();
  PEM_write_bio_X509_REQ(bio.get(), request.get());
  return TextOf(bio.get());
}

TimePoint PointOf(const asn1_string_st* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return TimePoint{};
  constexpr int64_t kLast =
      std::chrono::floor<std::chrono::seconds>(TimePoint::max()).time_since_epoch().count();
  return TimePoint(std::chrono::seconds(std::clamp<int64_t>(timegm(&parts), 0, kLast)));
}

Result<Validity> ValidityOf(std::string_view certificate_pem) {
  const CertificatePtr certificate = ReadCertificate(certificate_pem);
  if (!certificate) return Fail(Reason::kInvalid, "not a PEM certificate");
  return Validity{PointOf(X509_get0_notBefore(certificate.get())),
                  PointOf(X509_get0_notAfter(certificate.get()))};
}

Result<TimePoint> ExpiryOf(std::string_view certificate_pem) {
  const Validity validity = TRY(ValidityOf(certificate_pem));
  return validity.not_after;
}

bool NeedsRenewal(std::string_view certificate_pem, TimePoint now) {
  const auto validity = ValidityOf(certificate_pem);
  // One that is yet to begin was made by a clock that was ahead: nobody accepts it.
  if (!validity || validity->not_before > now) return true;
  const Duration life = validity->not_after - validity->not_before;
  return validity->not_after - now < std::chrono::duration_cast<Duration>(life * kRenewBelow);
}

Result<std::string> PublicKeyPin(std::string_view certificate_pem) {
  const CertificatePtr certificate = ReadCertificate(certificate_pem);
  if (!certificate) return Fail(Reason::kInvalid, "not a PEM certificate");
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  if (size < 0) return CryptoFailure("cannot encode a public key");
  const std::string key(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return "sha256:" + Hex(Sha256(key));
}

std::vector<std::string> SplitCertificates(std::string_view pem) {
  return SplitUntilFault(pem).certificates;
}

Result<std::vector<std::string>> ReadCertificates(std::string_view pem) {
  PemSplit split = SplitUntilFault(pem);
  if (!split.is_whole) {
    return Fail(Reason::kInvalid,
                fmt::format("certificate {} of the PEM text is broken, or not written to its end",
                            split.certificates.size() + 1));
  }
  if (split.certificates.empty()) return Fail(Reason::kInvalid, "no certificate in the PEM text");
  return std::move(split.certificates);
}

Result<std::string> RewrittenKey(std::string_view pem) {
  const KeyPtr key = ReadKey(pem);
  ERR_clear_error();
  if (!key) return Fail(Reason::kInvalid, "not a PEM private key, or one under a pass phrase");
  const BioPtr bio = Memory();
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
      1) {
    return CryptoFailure("cannot write a private key");
  }
  return TextOf(bio.get());
}

std::optional<int> RsaBitsOf(std::string_view pem) {
  const KeyPtr key = ReadKey(pem);
  ERR_clear_error();
  const int kind = key ? EVP_PKEY_base_id(key.get()) : EVP_PKEY_NONE;
  if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_RSA_PSS) return std::nullopt;
  return EVP_PKEY_bits(key.get());
}

std::string WidelyReadKey(std::string_view pem) {
  const KeyPtr key = ReadKey(pem);
  std::string widely_read = key ? PrivatePem(key.get()) : "";
  ERR_clear_error();
  return widely_read.empty() ? std::string(pem) : widely_read;
}

Result<std::string> PublicPemOf(std::string_view private_pem) {
  const KeyPtr key = ReadKey(private_pem);
  if (!key) return CryptoFailure("no private key can be read");
  const BioPtr bio = Memory();
  PEM_write_bio_PUBKEY(bio.get(), key.get());
  return TextOf(bio.get());
}

Result<SigningKeyPair> NewSigningKey(KeyKind kind) {
  const KeyPtr key = NewKey(kind);
  if (!key) return CryptoFailure("cannot make a key");
  const BioPtr bio = Memory();
  PEM_write_bio_PUBKEY(bio.get(), key.get());
  return SigningKeyPair{PrivatePem(key.get()), TextOf(bio.get())};
}

}  // namespace skiff
