#include "http/unverified_peer.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <string_view>

#include "base/certificates.h"
#include "base/pem.h"

namespace skiff::http {
namespace {

struct FreeJudged {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(STACK_OF(X509) * all) const { sk_X509_pop_free(all, X509_free); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};
template <typename T>
using Judged = std::unique_ptr<T, FreeJudged>;

constexpr size_t kPemBytesMax = 8 << 10;

std::string_view TextIn(BIO* bio) {
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio, &text);
  return {text, static_cast<size_t>(length)};
}

// The verified one, and by way of whom an authority signed it.
std::shared_ptr<const PeerCertificate> DescribeChain(STACK_OF(X509) * chain) {
  const Judged<BIO> writer(BIO_new(BIO_s_mem()));
  for (int i = 0; i == 0 || i + 1 < sk_X509_num(chain); ++i) {
    PEM_write_bio_X509(writer.get(), sk_X509_value(chain, i));
  }
  auto peer = std::make_shared<PeerCertificate>();
  peer->pem = TextIn(writer.get());
  if (auto names = NamesOfCertificate(peer->pem)) {
    peer->common_name = std::move(names->common_name);
    peer->organizations = std::move(names->organizations);
  }
  return peer;
}

}  // namespace

std::unique_ptr<UnverifiedPeer> UnverifiedPeer::Of(SSL* ssl, const TlsContext& context) {
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return nullptr;
  const Judged<BIO> writer(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(writer.get(), certificate);
  STACK_OF(X509)* const shown = SSL_get_peer_cert_chain(ssl);  // Of a client, without its own.
  for (int i = 0; i < sk_X509_num(shown) && TextIn(writer.get()).size() <= kPemBytesMax; ++i) {
    PEM_write_bio_X509(writer.get(), sk_X509_value(shown, i));
  }
  const std::string_view pem = TextIn(writer.get());
  if (pem.size() > kPemBytesMax) return nullptr;
  return std::make_unique<UnverifiedPeer>(std::string(pem), context);
}

std::shared_ptr<const PeerCertificate> UnverifiedPeer::Verify(const TlsContext& context,
                                                              std::string& error) {
  if (context == nullptr || judged_by_.lock() == context) return nullptr;
  judged_by_ = context;
  const Judged<BIO> reader(BIO_new_mem_buf(pem_.data(), static_cast<int>(pem_.size())));
  const auto next = [&] {
    return Judged<X509>(PEM_read_bio_X509(reader.get(), nullptr, &NoPassPhrase, nullptr));
  };
  const Judged<X509> first = next();
  const Judged<STACK_OF(X509)> others(sk_X509_new_null());
  while (Judged<X509> other = next()) {
    if (sk_X509_push(others.get(), other.get()) > 0) (void)other.release();
  }
  const Judged<X509_STORE_CTX> judge(X509_STORE_CTX_new());
  X509_STORE_CTX_init(judge.get(), SSL_CTX_get_cert_store(context.get()), first.get(),
                      others.get());
  // As at a handshake.
  X509_STORE_CTX_set_default(judge.get(), "ssl_client");
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(judge.get()),
                                   SSL_CTX_get_security_level(context.get()));
  const bool is_good = X509_verify_cert(judge.get()) == 1;
  if (!is_good) error = X509_verify_cert_error_string(X509_STORE_CTX_get_error(judge.get()));
  ERR_clear_error();
  return is_good ? DescribeChain(X509_STORE_CTX_get0_chain(judge.get())) : nullptr;
}

}  // namespace skiff::http
