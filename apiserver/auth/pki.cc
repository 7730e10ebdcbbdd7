#include "apiserver/auth/pki.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/hash.h"

namespace skiff {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using KeyPtr = std::shared_ptr<evp_pkey_st>;
using CertificatePtr = std::shared_ptr<x509_st>;

// Clocks of machines differ; a certificate is good from a little before now.
constexpr Duration kBackdate = 5min;

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

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

std::string PrivatePem(evp_pkey_st* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(bio.get());
}

std::string CertificatePem(x509_st* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(bio.get(), certificate);
  return TextOf(bio.get());
}

CertificatePtr ReadCertificate(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free};
}

void AddName(X509_NAME* name, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

bool AddExtension(x509_st* certificate, x509_st* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// DNS names and addresses come from our own configuration; one that could smuggle in another entry
// is left out.
std::string AlternativeNames(const CertificateOrder& order) {
  std::string text;
  const auto add = [&](const char* kind, const std::string& name) {
    if (name.empty() || name.find_first_of(",\n:") != std::string::npos) {
      if (std::string_view(kind) != "IP:" || name.find_first_of(",\n") != std::string::npos) return;
    }
    if (!text.empty()) text += ",";
    text += kind + name;
  };
  for (const std::string& name : order.dns_names) add("DNS:", name);
  for (const std::string& address : order.ip_addresses) add("IP:", address);
  return text;
}

void SetSerial(x509_st* certificate) {
  unsigned char bytes[16];
  RAND_bytes(bytes, sizeof bytes);
  bytes[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
}

struct Signer {
  x509_st* certificate;  // nullptr: signs itself
  evp_pkey_st* key;
};

Result<CertificatePtr> MakeCertificate(const CertificateOrder& order, evp_pkey_st* public_key,
                                       const Signer& signer, TimePoint now) {
  const CertificatePtr certificate(X509_new(), &X509_free);
  x509_st* raw = certificate.get();
  x509_st* issuer = signer.certificate == nullptr ? raw : signer.certificate;
  X509_set_version(raw, 2);
  SetSerial(raw);
  ASN1_TIME_set(X509_getm_notBefore(raw), Seconds(now - kBackdate));
  ASN1_TIME_set(X509_getm_notAfter(raw), Seconds(now + order.lifetime));
  X509_NAME* name = X509_get_subject_name(raw);
  for (const std::string& organization : order.organizations) AddName(name, "O", organization);
  AddName(name, "CN", order.common_name);
  X509_set_issuer_name(raw, X509_get_subject_name(issuer));
  X509_set_pubkey(raw, public_key);
  bool good = true;
  if (signer.certificate == nullptr) {
    good &= AddExtension(raw, issuer, NID_basic_constraints, "critical,CA:TRUE");
    good &=
        AddExtension(raw, issuer, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign");
    good &= AddExtension(raw, issuer, NID_subject_key_identifier, "hash");
  } else {
    std::string usage = order.server ? "serverAuth" : "";
    if (order.client) usage += usage.empty() ? "clientAuth" : ",clientAuth";
    good &= AddExtension(raw, issuer, NID_basic_constraints, "critical,CA:FALSE");
    good &= AddExtension(raw, issuer, NID_key_usage, "critical,digitalSignature,keyEncipherment");
    if (!usage.empty()) good &= AddExtension(raw, issuer, NID_ext_key_usage, usage);
    good &= AddExtension(raw, issuer, NID_authority_key_identifier, "keyid");
    const std::string names = AlternativeNames(order);
    if (!names.empty()) good &= AddExtension(raw, issuer, NID_subject_alt_name, names);
  }
  if (!good || X509_sign(raw, signer.key, EVP_sha256()) == 0) {
    return CryptoFailure("cannot make a certificate for " + order.common_name);
  }
  return certificate;
}

TimePoint PointOf(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return TimePoint(std::chrono::seconds(timegm(&parts)));
}

}  // namespace

Result<CertificateAuthority> CertificateAuthority::Create(std::string_view common_name,
                                                          TimePoint now) {
  CertificateAuthority authority;
  authority.key_ = NewKey(KeyKind::kP256);
  if (!authority.key_) return CryptoFailure("cannot make a key");
  const CertificateOrder order{.common_name = std::string(common_name),
                               .lifetime = kAuthorityLifetime};
  authority.certificate_ =
      TRY(MakeCertificate(order, authority.key_.get(), {nullptr, authority.key_.get()}, now));
  authority.pem_ = {CertificatePem(authority.certificate_.get()), PrivatePem(authority.key_.get())};
  return authority;
}

Result<CertificateAuthority> CertificateAuthority::FromPem(const KeyPair& pem) {
  CertificateAuthority authority;
  authority.certificate_ = ReadCertificate(pem.certificate_pem);
  const BioPtr bio(BIO_new_mem_buf(pem.key_pem.data(), static_cast<int>(pem.key_pem.size())),
                   &BIO_free);
  authority.key_ = {PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free};
  if (!authority.certificate_ || !authority.key_) {
    return Fail(Reason::kInvalid, "the certificate authority's files are not PEM");
  }
  authority.pem_ = pem;
  return authority;
}

Result<KeyPair> CertificateAuthority::Issue(const CertificateOrder& order, TimePoint now) const {
  const KeyPtr key = NewKey(KeyKind::kP256);
  if (!key) return CryptoFailure("cannot make a key");
  const auto certificate =
      TRY(MakeCertificate(order, key.get(), {certificate_.get(), key_.get()}, now));
  return KeyPair{CertificatePem(certificate.get()), PrivatePem(key.get())};
}

Result<std::string> CertificateAuthority::Sign(std::string_view request_pem,
                                               const CertificateOrder& order, TimePoint now) const {
  const BioPtr bio(BIO_new_mem_buf(request_pem.data(), static_cast<int>(request_pem.size())),
                   &BIO_free);
  const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(
      PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr), &X509_REQ_free);
  if (!request) return Fail(Reason::kInvalid, "PEM block type must be CERTIFICATE REQUEST");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr || X509_REQ_verify(request.get(), key) != 1) {
    return Fail(Reason::kInvalid, "the certificate request is not signed by its own key");
  }
  const auto certificate = TRY(MakeCertificate(order, key, {certificate_.get(), key_.get()}, now));
  return CertificatePem(certificate.get());
}

Result<TimePoint> ExpiryOf(std::string_view certificate_pem) {
  const CertificatePtr certificate = ReadCertificate(certificate_pem);
  if (!certificate) return Fail(Reason::kInvalid, "not a PEM certificate");
  return PointOf(X509_get0_notAfter(certificate.get()));
}

bool NeedsRenewal(std::string_view certificate_pem, TimePoint now) {
  const CertificatePtr certificate = ReadCertificate(certificate_pem);
  if (!certificate) return true;
  const TimePoint begin = PointOf(X509_get0_notBefore(certificate.get()));
  const TimePoint end = PointOf(X509_get0_notAfter(certificate.get()));
  return end - now < std::chrono::duration_cast<Duration>((end - begin) * kRenewBelow);
}

Result<SigningKeyPair> NewSigningKey(KeyKind kind) {
  const KeyPtr key = NewKey(kind);
  if (!key) return CryptoFailure("cannot make a key");
  const BioPtr bio(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PUBKEY(bio.get(), key.get());
  return SigningKeyPair{PrivatePem(key.get()), TextOf(bio.get())};
}

Result<Pki> Pki::Open(const std::string& directory, TimePoint now) {
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code) return Fail(Reason::kInternalError, "mkdir " + directory + ": " + code.message());
  ::chmod(directory.c_str(), 0700);
  const std::string certificate_path = directory + "/ca.crt";
  const std::string key_path = directory + "/ca.key";
  if (std::filesystem::exists(certificate_path) && std::filesystem::exists(key_path)) {
    KeyPair pem;
    pem.certificate_pem = TRY(ReadWholeFile(certificate_path));
    pem.key_pem = TRY(ReadWholeFile(key_path));
    auto authority = TRY(CertificateAuthority::FromPem(pem));
    return Pki(directory, std::move(authority));
  }
  auto authority = TRY(CertificateAuthority::Create("kubernetes", now));
  TRY(WriteWholeFile(key_path, authority.pem().key_pem, 0600));
  TRY(WriteWholeFile(certificate_path, authority.pem().certificate_pem, 0644));
  return Pki(directory, std::move(authority));
}

Result<bool> Pki::EnsureLeaf(std::string_view name, const CertificateOrder& order, TimePoint now) {
  const std::string base = Path(name);
  // What was ordered stands beside the certificate, so that other names issue it again.
  std::string wanted = order.common_name + "\n" + AlternativeNames(order) + "\n";
  for (const std::string& organization : order.organizations) wanted += organization + "\n";
  const auto written = ReadWholeFile(base + ".order");
  const auto certificate = ReadWholeFile(base + ".crt");
  if (written && certificate && *written == wanted && ReadWholeFile(base + ".key") &&
      !NeedsRenewal(*certificate, now)) {
    return false;
  }
  const KeyPair pair = TRY(authority_.Issue(order, now));
  TRY(WriteWholeFile(base + ".key", pair.key_pem, 0600));
  TRY(WriteWholeFile(base + ".crt", pair.certificate_pem, 0644));
  TRY(WriteWholeFile(base + ".order", wanted, 0644));
  return true;
}

Result<> Pki::EnsureServiceAccountKey(KeyKind kind) {
  if (std::filesystem::exists(Path("sa.key")) && std::filesystem::exists(Path("sa.pub"))) return {};
  const SigningKeyPair pair = TRY(NewSigningKey(kind));
  TRY(WriteWholeFile(Path("sa.key"), pair.private_pem, 0600));
  return WriteWholeFile(Path("sa.pub"), pair.public_pem, 0644);
}

std::string KubeconfigText(std::string_view server_url, std::string_view ca_pem,
                           std::string_view user, const KeyPair& client) {
  std::ostringstream out;
  out << "apiVersion: v1\nkind: Config\n"
      << "clusters:\n- name: skiff\n  cluster:\n    server: " << server_url
      << "\n    certificate-authority-data: " << Base64(ca_pem) << "\n"
      << "users:\n- name: " << user
      << "\n  user:\n    client-certificate-data: " << Base64(client.certificate_pem)
      << "\n    client-key-data: " << Base64(client.key_pem) << "\n"
      << "contexts:\n- name: skiff\n  context:\n    cluster: skiff\n    user: " << user << "\n"
      << "current-context: skiff\n";
  return out.str();
}

Result<std::string> ReadWholeFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return Fail(Reason::kNotFound, "open " + path + ": no such file or directory");
  }
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Result<> WriteWholeFile(const std::string& path, std::string_view text, int mode) {
  const std::string next = path + ".new";
  const auto failed = [&](const char* what) {
    return Fail(Reason::kInternalError,
                std::string(what) + " " + path + ": " + std::strerror(errno));
  };
  const int file = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (file < 0) return failed("open");
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno != EINTR) {
      ::close(file);
      return failed("write");
    }
    if (count > 0) text.remove_prefix(static_cast<size_t>(count));
  }
  ::fsync(file);
  ::close(file);
  if (::rename(next.c_str(), path.c_str()) != 0) return failed("rename");
  return {};
}

}  // namespace skiff
