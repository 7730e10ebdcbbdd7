#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <fstream>
#include <sstream>

#include "base/certificates.h"
#include "base/pem.h"
#include "base/pem_blocks.h"
#include "http/certificate_flags.h"
#include "http/message.h"
#include "http/tls_records.h"

namespace skiff::http {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> FailTls(const std::string& what) {
  char text[256] = "no reason given";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return Fail(Reason::kInvalid, what + ": " + text);
}

Owned<BIO> Reader(const std::string& pem) {
  return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// Leaf and chain, as servers and clients present them.
Result<> UseCertificate(SSL_CTX* context, const std::string& chain_pem,
                        const std::string& key_pem) {
  const auto chain = Reader(chain_pem);
  Owned<X509> leaf(PEM_read_bio_X509(chain.get(), nullptr, &NoPassPhrase, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) return FailTls("certificate");
  while (Owned<X509> next{PEM_read_bio_X509(chain.get(), nullptr, &NoPassPhrase, nullptr)}) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) return FailTls("certificate chain");
  }
  ERR_clear_error();  // The end of the chain is reported as an error.
  // Keys are what users put into Secrets, too.
  const Owned<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(Reader(key_pem).get(), nullptr, &NoPassPhrase, nullptr));
  if (key && X509_check_private_key(leaf.get(), key.get()) != 1) {
    ERR_clear_error();
    // In the words of Go's tls.
    return Fail(Reason::kInvalid, "tls: private key does not match public key");
  }
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return FailTls("private key");
  return {};
}

// Whichever can be read, as Go's pools take them; one at least.
Result<> TrustAuthorities(SSL_CTX* context, const std::string& ca_pem, bool ask_clients) {
  int count = 0;
  for (const std::string_view block : CertificateBlocks(ca_pem)) {
    const std::string text(block);
    const Owned<X509> ca(PEM_read_bio_X509(Reader(text).get(), nullptr, &NoPassPhrase, nullptr));
    if (ca == nullptr) continue;
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get());
    if (ask_clients) SSL_CTX_add_client_CA(context, ca.get());
    ++count;
  }
  ERR_clear_error();
  // As in Go: whatever is listed is trusted, also when it is no root.
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_PARTIAL_CHAIN);
  if (count == 0) return Fail(Reason::kInvalid, "no certificate in the authorities' PEM");
  return {};
}

TlsContext NewContext(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method), SSL_CTX_free);
  CHECK(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context.get(), 0);
  return context;
}

// Who a client is, is for authentication to judge: it answers 401, where a failed handshake would
// only break the connection. The verdict stays in SSL_get_verify_result.
int AcceptAnyCertificate(int, X509_STORE_CTX*) {
  return 1;
}

bool HasAesInstructions() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
  return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
  return false;
#endif
}

// As Go's servers choose where the processor knows AES: AES with 128 bits before 256, which costs a
// third more; ChaCha20 first with clients that have it first, since those do not know AES so well.
// Elsewhere the client chooses.
void PreferCiphers(SSL_CTX* context) {
  if (!HasAesInstructions()) return;
  CHECK(SSL_CTX_set_ciphersuites(context,
                                 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                 "TLS_CHACHA20_POLY1305_SHA256") == 1);
  CHECK(SSL_CTX_set_cipher_list(context,
                                "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ALL:!COMPLEMENTOFDEFAULT:!eNULL") == 1);  // Then the library's.
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
}

Result<> UseChoices(SSL_CTX* context, const TlsChoices& choices) {
  if (choices.only_tls13) SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  if (choices.ciphers.empty()) return {};
  if (SSL_CTX_set_cipher_list(context, choices.ciphers.c_str()) != 1) return FailTls("ciphers");
  return {};
}

// As Go's servers choose: HTTP/2 when the client knows it, whatever else it would like better.
// A client that offers only others goes on without an answer.
constexpr unsigned char kBoth[] = "\x02h2\x08http/1.1";
constexpr unsigned char kHttp11[] = "\x08http/1.1";

template <const auto& kProtocols>
int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_length,
                   const unsigned char* in, unsigned int in_length, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kProtocols, sizeof kProtocols - 1, in,
                            in_length) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// What the library has for key logs is how a secret gets out of it.
void TakeSecret(const SSL* ssl, const char* line) {
  auto* const secrets = static_cast<TrafficSecrets*>(SSL_get_app_data(ssl));
  if (secrets != nullptr) secrets->Take(line);
}

Result<std::string> ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return Fail(Reason::kNotFound, "cannot read " + path);
  }
  return text.str();
}

std::string ValueOf(const X509_NAME_ENTRY* entry) {
  unsigned char* text = nullptr;
  const int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
  if (length < 0) return "";
  std::string value(reinterpret_cast<char*>(text), length);
  OPENSSL_free(text);
  return value;
}

}  // namespace

void KeepSecrets(SSL* ssl, TrafficSecrets& secrets) {
  SSL_set_app_data(ssl, &secrets);
}

void ForgetSecrets(SSL* ssl) {
  SSL_set_app_data(ssl, nullptr);
}

std::shared_ptr<const PeerCertificate> DescribePeer(SSL* ssl, std::string& error) {
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return nullptr;
  if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK) {
    error = X509_verify_cert_error_string(verdict);
    return nullptr;
  }
  return DescribeChain(SSL_get0_verified_chain(ssl));
}

std::shared_ptr<const PeerCertificate> DescribeChain(STACK_OF(X509) * chain) {
  auto peer = std::make_shared<PeerCertificate>();
  const X509_NAME* subject = X509_get_subject_name(sk_X509_value(chain, 0));
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    const int field = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (field == NID_commonName) peer->common_name = ValueOf(entry);
    if (field == NID_organizationName) peer->organizations.push_back(ValueOf(entry));
  }
  const Owned<BIO> writer(BIO_new(BIO_s_mem()));
  // By way of whom an authority signed it: whoever asks later which authority needs them again.
  // Those that were shown and not needed stay out, for they are any number of anything.
  for (int i = 0; i == 0 || i + 1 < sk_X509_num(chain); ++i) {
    PEM_write_bio_X509(writer.get(), sk_X509_value(chain, i));
  }
  char* text = nullptr;
  const long length = BIO_get_mem_data(writer.get(), &text);
  peer->pem.assign(text, length);
  return peer;
}

Result<std::string> ReadAuthorities(const std::string& path) {
  if (path.empty()) return path;
  std::string pem = TRY(ReadWhole(path));
  if (const auto all = ReadCertificates(pem); !all) {
    return Fail(Reason::kInvalid, path + ": " + all.error().message);
  }
  return pem;
}

Result<> CheckGivenTogether(const std::string& certificate_file, const std::string& key_file,
                            std::string_view certificate_flag, std::string_view key_flag) {
  if (certificate_file.empty() == key_file.empty()) return {};
  return Fail(Reason::kInvalid, std::string(certificate_flag) + " and " + std::string(key_flag) +
                                    " must be given together or not at all");
}

Result<ServerTls> ServerTls::FromFiles(const std::string& certificate_file,
                                       const std::string& key_file,
                                       const std::string& client_ca_file) {
  ServerTls tls;
  tls.certificate_pem = TRY(ReadWhole(certificate_file));
  tls.key_pem = TRY(ReadWhole(key_file));
  tls.client_ca_pem = TRY(ReadAuthorities(client_ca_file));
  // Here it is known which files they are of.
  const auto context = NewContext(TLS_server_method());
  if (const auto used = UseCertificate(context.get(), tls.certificate_pem, tls.key_pem); !used) {
    return Fail(Reason::kInvalid,
                certificate_file + " with " + key_file + ": " + used.error().message);
  }
  return tls;
}

Result<TlsContext> MakeServerContext(const ServerTls& tls, bool http2) {
  auto context = NewContext(TLS_server_method());
  PreferCiphers(context.get());
  TRY(UseChoices(context.get(), tls.choices));
  TRY(UseCertificate(context.get(), tls.certificate_pem, tls.key_pem));
  TRY(ShowByName(context.get(), tls.named));
  if (!tls.client_ca_pem.empty()) {
    TRY(ReadCertificates(tls.client_ca_pem));
    TRY(TrustAuthorities(context.get(), tls.client_ca_pem, true));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, AcceptAnyCertificate);
  }
  SSL_CTX_set_num_tickets(context.get(), 0);  // TlsRecords counts on none.
  SSL_CTX_set_keylog_callback(context.get(), TakeSecret);
  SSL_CTX_set_alpn_select_cb(
      context.get(), http2 ? ChooseProtocol<kBoth> : ChooseProtocol<kHttp11>, nullptr);
  return context;
}

Result<TlsContext> MakeClientContext(const ClientTls& tls) {
  auto context = NewContext(TLS_client_method());
  if (!tls.certificate_pem.empty()) {
    TRY(UseCertificate(context.get(), tls.certificate_pem, tls.key_pem));
  }
  if (tls.insecure) return context;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (tls.ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else {
    TRY(TrustAuthorities(context.get(), tls.ca_pem, false));
  }
  return context;
}

}  // namespace skiff::http
