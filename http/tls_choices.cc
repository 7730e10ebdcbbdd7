#include "http/tls_choices.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/pem.h"
#include "base/text.h"

namespace skiff::http {
namespace {

struct Suite {
  std::string_view name;     // As Go has it.
  std::string_view openssl;  // "": Debian's library has no such thing, or TLS 1.3 always has it.
};

constexpr Suite kSuites[] = {
    {"TLS_AES_128_GCM_SHA256", ""},
    {"TLS_AES_256_GCM_SHA384", ""},
    {"TLS_CHACHA20_POLY1305_SHA256", ""},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", ""},
    {"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", ""},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_RC4_128_SHA", ""},
    {"TLS_RSA_WITH_3DES_EDE_CBC_SHA", ""},
    {"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"},
    {"TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"},
    {"TLS_RSA_WITH_RC4_128_SHA", ""},
};

struct Release {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
template <typename T>
using Held = std::unique_ptr<T, Release>;

struct Shown {
  Held<X509> leaf;
  Held<STACK_OF(X509)> chain;
  Held<EVP_PKEY> key;
};

struct ShownByName {
  std::vector<Shown> certificates = {};
  std::map<std::string, size_t> by_name = {};
};

Held<BIO> ReaderOf(const std::string& pem) {
  return Held<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

Held<X509> NextCertificate(BIO* from) {
  return Held<X509>(PEM_read_bio_X509(from, nullptr, &NoPassPhrase, nullptr));
}

Result<Shown> ReadShown(const NamedCertificate& given) {
  const auto reader = ReaderOf(given.certificate_pem);
  Shown shown{.leaf = NextCertificate(reader.get()),
              .chain = Held<STACK_OF(X509)>(sk_X509_new_null()),
              .key = Held<EVP_PKEY>(PEM_read_bio_PrivateKey(
                  ReaderOf(given.key_pem).get(), nullptr, &NoPassPhrase, nullptr))};
  while (auto next = NextCertificate(reader.get())) {
    if (sk_X509_push(shown.chain.get(), next.get()) > 0) (void)next.release();
  }
  const bool is_whole = shown.leaf && shown.key;
  const bool fits = is_whole && X509_check_private_key(shown.leaf.get(), shown.key.get()) == 1;
  ERR_clear_error();
  if (!is_whole) return Fail(Reason::kInvalid, "no certificate, or no key of it");
  // In the words of Go's tls.
  if (!fits) return Fail(Reason::kInvalid, "tls: private key does not match public key");
  return shown;
}

// Those of the certificate that a client may ask for; addresses are none of them.
std::vector<std::string> NamesIn(X509* leaf) {
  std::vector<std::string> names;
  char common_name[256];
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, common_name,
                                sizeof common_name) > 0) {
    names.emplace_back(common_name);
  }
  const Held<GENERAL_NAMES> others(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(others.get()); ++i) {
    const GENERAL_NAME* other = sk_GENERAL_NAME_value(others.get(), i);
    if (other->type != GEN_DNS) continue;
    const ASN1_STRING* text = other->d.dNSName;
    names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                       static_cast<size_t>(ASN1_STRING_length(text)));
  }
  return names;
}

const Shown* FindShown(const ShownByName& all, std::string name) {
  name = Lower(name);
  while (name.ends_with('.')) name.pop_back();
  auto found = all.by_name.find(name);
  if (found == all.by_name.end()) {
    const size_t dot = name.find('.');
    if (dot != std::string::npos) found = all.by_name.find("*" + name.substr(dot));
  }
  return found == all.by_name.end() ? nullptr : &all.certificates[found->second];
}

int ShowWhatIsAskedFor(SSL* ssl, void* given) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return 1;
  const Shown* shown = FindShown(*static_cast<const ShownByName*>(given), name);
  if (shown == nullptr) return 1;
  return SSL_use_cert_and_key(ssl, shown->leaf.get(), shown->key.get(), shown->chain.get(),
                              /*override=*/1);
}

void FreeShown(void*, void* given, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<ShownByName*>(given);
}

// A handshake that is under way keeps its context, and with it what is shown.
int ShownIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &FreeShown);
  return index;
}

}  // namespace

Result<TlsChoices> ParseTlsChoices(const std::string& min_version,
                                   const std::vector<std::string>& suites) {
  TlsChoices choices{.only_tls13 = min_version == "VersionTLS13"};
  static constexpr std::string_view kVersions[] = {"", "VersionTLS10", "VersionTLS11",
                                                   "VersionTLS12", "VersionTLS13"};
  if (std::find(std::begin(kVersions), std::end(kVersions), min_version) == std::end(kVersions)) {
    return Fail(Reason::kInvalid, fmt::format("unknown tls version \"{}\"", min_version));
  }
  for (const std::string& name : suites) {
    const auto* const suite = std::find_if(std::begin(kSuites), std::end(kSuites),
                                           [&](const Suite& each) { return each.name == name; });
    if (suite == std::end(kSuites)) {
      return Fail(Reason::kInvalid,
                  fmt::format("Cipher suite {} not supported or doesn't exist", name));
    }
    if (suite->openssl.empty()) continue;
    if (!choices.ciphers.empty()) choices.ciphers += ':';
    choices.ciphers += suite->openssl;
  }
  choices.only_tls13 |= !suites.empty() && choices.ciphers.empty();
  return choices;
}

Result<> ShowByName(SSL_CTX* context, const std::vector<NamedCertificate>& certificates) {
  if (certificates.empty()) return {};
  auto all = std::make_unique<ShownByName>();
  for (const NamedCertificate& given : certificates) {
    Shown shown = TRY(ReadShown(given));
    const auto names = given.names.empty() ? NamesIn(shown.leaf.get()) : given.names;
    for (const std::string& name : names) {
      all->by_name.emplace(Lower(name), all->certificates.size());
    }
    all->certificates.push_back(std::move(shown));
  }
  SSL_CTX_set_cert_cb(context, &ShowWhatIsAskedFor, all.get());
  CHECK(SSL_CTX_set_ex_data(context, ShownIndex(), all.get()) == 1);
  (void)all.release();
  return {};
}

}  // namespace skiff::http
