#include "http/tls_faults.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <vector>

namespace skiff::http {
namespace {

constexpr std::string_view kUnknownAuthority = "x509: certificate signed by unknown authority";
constexpr size_t kNamesShownMax = 100;

std::string TimeText(const std::tm& time) {
  char text[sizeof "2026-01-02T03:04:05Z" + 16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &time)};
}

std::string TimeText(const ASN1_TIME* time) {
  std::tm fields{};
  ASN1_TIME_to_tm(time, &fields);
  return TimeText(fields);
}

// "": it is valid now.
std::string TimeFault(const X509* certificate, std::time_t now) {
  const ASN1_TIME* begin = X509_get0_notBefore(certificate);
  const ASN1_TIME* end = X509_get0_notAfter(certificate);
  const bool early = ASN1_TIME_cmp_time_t(begin, now) > 0;
  if (!early && ASN1_TIME_cmp_time_t(end, now) >= 0) return "";
  std::tm fields{};
  gmtime_r(&now, &fields);
  return "x509: certificate has expired or is not yet valid: current time " + TimeText(fields) +
         (early ? " is before " + TimeText(begin) : " is after " + TimeText(end));
}

struct Names {
  bool said = false;  // There is such an extension, whatever it has.
  std::vector<std::string> hosts;
  std::vector<std::string> addresses;
};

std::string AddressText(const ASN1_OCTET_STRING* address) {
  const int length = ASN1_STRING_length(address);
  char text[INET6_ADDRSTRLEN] = "";
  if (length == 4 || length == 16) {
    inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text, sizeof text);
  }
  return text;
}

Names NamesOf(const X509* certificate) {
  Names names;
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> found(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  names.said = found != nullptr;
  for (int i = 0; found && i < sk_GENERAL_NAME_num(found.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(found.get(), i);
    if (name->type == GEN_IPADD) names.addresses.push_back(AddressText(name->d.iPAddress));
    if (name->type != GEN_DNS) continue;
    const ASN1_IA5STRING* host = name->d.dNSName;
    names.hosts.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(host)),
                             ASN1_STRING_length(host));
  }
  return names;
}

std::string Mismatch(const X509* certificate, const std::string& wanted, bool is_address) {
  const Names names = NamesOf(certificate);
  X509* const asked = const_cast<X509*>(certificate);  // It is only read.
  if (!names.said && X509_check_host(asked, wanted.data(), wanted.size(), 0, nullptr) == 1) {
    return "x509: certificate relies on legacy Common Name field, use SANs instead";
  }
  const auto& valid = is_address ? names.addresses : names.hosts;
  if (is_address && valid.empty()) {
    return "x509: cannot validate certificate for " + wanted +
           " because it doesn't contain any IP SANs";
  }
  if (valid.empty()) {
    return "x509: certificate is not valid for any names, but wanted to match " + wanted;
  }
  std::string text = "x509: certificate is valid for ";
  if (valid.size() >= kNamesShownMax) {
    return text + std::to_string(valid.size()) + (is_address ? " IP SANs" : " names") +
           ", but none matched " + wanted;
  }
  for (const std::string& name : valid) text += name + ", ";
  return text + "not " + wanted;
}

// "": it is for whom the client looks for.
std::string NameFault(SSL* ssl, X509* certificate) {
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
  const unsigned int flags = X509_VERIFY_PARAM_get_hostflags(wanted);
  if (const char* host = X509_VERIFY_PARAM_get0_host(wanted, 0); host != nullptr) {
    if (X509_check_host(certificate, host, 0, flags, nullptr) == 1) return "";
    return Mismatch(certificate, host, false);
  }
  const std::unique_ptr<char, void (*)(char*)> address(X509_VERIFY_PARAM_get1_ip_asc(wanted),
                                                       [](char* text) { OPENSSL_free(text); });
  if (!address || X509_check_ip_asc(certificate, address.get(), 0) == 1) return "";
  return Mismatch(certificate, address.get(), true);
}

bool MaySign(X509* authority) {
  const uint32_t flags = X509_get_extension_flags(authority);
  const bool says_authority = (flags & EXFLAG_CA) != 0;
  const bool cannot_say = (flags & EXFLAG_V1) != 0;
  // Of one that does not restrict its uses OpenSSL says that it has them all.
  const bool signs_others = (X509_get_key_usage(authority) & KU_KEY_CERT_SIGN) != 0;
  return (says_authority || cannot_say) && signs_others;
}

// Why the certificate is not signed by what its issuer is called after; "": it is.
std::string SignatureFault(X509* certificate, X509* authority) {
  if (!MaySign(authority)) {
    return "x509: invalid signature: parent certificate cannot sign this kind of certificate";
  }
  if (X509_verify(certificate, X509_get0_pubkey(authority)) == 1) return "";
  switch (EVP_PKEY_base_id(X509_get0_pubkey(authority))) {
    case EVP_PKEY_RSA:
      return "crypto/rsa: verification error";
    case EVP_PKEY_EC:
      return "x509: ECDSA verification failure";
    default:
      return "x509: Ed25519 verification failure";
  }
}

std::string NameOf(const X509* certificate) {
  for (const int part : {NID_commonName, NID_organizationName}) {
    char name[256] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), part, name, sizeof name);
    if (name[0] != '\0') return name;
  }
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> serial(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr), BN_free);
  const std::unique_ptr<char, void (*)(char*)> digits(
      serial == nullptr ? nullptr : BN_bn2dec(serial.get()),
      [](char* text) { OPENSSL_free(text); });
  return std::string("serial:") + (digits == nullptr ? "" : digits.get());
}

// An authority that is called as the one that signed, and did not, or may not: mostly one of
// before, or a certificate of a server.
std::string Hint(SSL* ssl, STACK_OF(X509) * chain) {
  X509_STORE* const store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
  STACK_OF(X509_OBJECT)* const trusted = X509_STORE_get0_objects(store);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* const certificate = sk_X509_value(chain, i);
    for (int j = 0; j < sk_X509_OBJECT_num(trusted); ++j) {
      X509* const authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(trusted, j));
      if (authority == nullptr ||
          X509_NAME_cmp(X509_get_subject_name(authority), X509_get_issuer_name(certificate)) != 0) {
        continue;
      }
      if (X509_cmp(authority, certificate) == 0) continue;
      const std::string fault = SignatureFault(certificate, authority);
      if (fault.empty()) continue;
      return " (possibly because of \"" + fault +
             "\" while trying to verify candidate authority certificate \"" + NameOf(authority) +
             "\")";
    }
  }
  return "";
}

std::string AlertText(int alert) {
  switch (alert) {
    case SSL_AD_UNEXPECTED_MESSAGE:
      return "unexpected message";
    case SSL_AD_BAD_RECORD_MAC:
      return "bad record MAC";
    case SSL_AD_RECORD_OVERFLOW:
      return "record overflow";
    case SSL_AD_HANDSHAKE_FAILURE:
      return "handshake failure";
    case SSL_AD_BAD_CERTIFICATE:
      return "bad certificate";
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
      return "unsupported certificate";
    case SSL_AD_CERTIFICATE_REVOKED:
      return "revoked certificate";
    case SSL_AD_CERTIFICATE_EXPIRED:
      return "expired certificate";
    case SSL_AD_CERTIFICATE_UNKNOWN:
      return "unknown certificate";
    case SSL_AD_ILLEGAL_PARAMETER:
      return "illegal parameter";
    case SSL_AD_UNKNOWN_CA:
      return "unknown certificate authority";
    case SSL_AD_ACCESS_DENIED:
      return "access denied";
    case SSL_AD_DECODE_ERROR:
      return "error decoding message";
    case SSL_AD_DECRYPT_ERROR:
      return "error decrypting message";
    case SSL_AD_PROTOCOL_VERSION:
      return "protocol version not supported";
    case SSL_AD_INSUFFICIENT_SECURITY:
      return "insufficient security level";
    case SSL_AD_INTERNAL_ERROR:
      return "internal error";
    case SSL_AD_INAPPROPRIATE_FALLBACK:
      return "inappropriate fallback";
    case SSL_AD_USER_CANCELLED:
      return "user canceled";
    case SSL_AD_NO_RENEGOTIATION:
      return "no renegotiation";
    case SSL_AD_MISSING_EXTENSION:
      return "missing extension";
    case SSL_AD_UNSUPPORTED_EXTENSION:
      return "unsupported extension";
    case SSL_AD_UNRECOGNIZED_NAME:
      return "unrecognized name";
    case SSL_AD_UNKNOWN_PSK_IDENTITY:
      return "unknown PSK identity";
    case SSL_AD_CERTIFICATE_REQUIRED:
      return "certificate required";
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return "no application protocol";
    default:
      return "alert(" + std::to_string(alert) + ")";
  }
}

}  // namespace

std::string CertificateFault(SSL* ssl, std::time_t now) {
  const long verdict = SSL_get_verify_result(ssl);
  STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl);
  if (sk_X509_num(chain) > 0) {
    X509* const leaf = sk_X509_value(chain, 0);
    if (std::string fault = TimeFault(leaf, now); !fault.empty()) return fault;
    if (std::string fault = NameFault(ssl, leaf); !fault.empty()) return fault;
  }
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      for (int i = 1; i < sk_X509_num(chain); ++i) {
        std::string fault = TimeFault(sk_X509_value(chain, i), now);
        if (!fault.empty()) return fault;
      }
      return "x509: certificate has expired or is not yet valid";
    case X509_V_ERR_INVALID_PURPOSE:
      return "x509: certificate specifies an incompatible key usage";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
      return std::string(kUnknownAuthority) + Hint(ssl, chain);
    default:
      return std::string("x509: ") + X509_verify_cert_error_string(verdict);
  }
}

std::string TlsFault(SSL* ssl, unsigned long error, std::string_view first) {
  const int reason = ERR_GET_REASON(error);
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return "tls: failed to verify certificate: " + CertificateFault(ssl, std::time(nullptr));
  }
  if (reason == SSL_R_WRONG_VERSION_NUMBER && first.starts_with("HTTP/")) {
    return "http: server gave HTTP response to HTTPS client";
  }
  if (reason == SSL_R_WRONG_VERSION_NUMBER) {
    return "tls: first record does not look like a TLS handshake";
  }
  if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) {
    return "remote error: tls: " + AlertText(reason - SSL_AD_REASON_OFFSET);
  }
  const char* text = error == 0 ? nullptr : ERR_reason_error_string(error);
  return std::string("tls: ") + (text != nullptr ? text : "TLS failed");
}

}  // namespace skiff::http
