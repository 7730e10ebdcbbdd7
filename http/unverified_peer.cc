#include "http/unverified_peer.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <string_view>

#include "base/certificates.h"
#include "base/x509_chain.h"

namespace skiff::http {
namespace {

constexpr size_t kPemBytesMax = 8 << 10;

std::string_view TextIn(BIO* bio) {
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio, &text);
  return {text, static_cast<size_t>(length)};
}

}  // namespace

std::unique_ptr<UnverifiedPeer> UnverifiedPeer::Of(SSL* ssl, const TlsContext& context,
                                                   Intake::Share held) {
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return nullptr;
  const OfChain<BIO> writer(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(writer.get(), certificate);
  TimePoint begins = PointOf(X509_get0_notBefore(certificate));
  STACK_OF(X509)* const shown = SSL_get_peer_cert_chain(ssl);  // Of a client, without its own.
  for (int i = 0; i < sk_X509_num(shown) && TextIn(writer.get()).size() <= kPemBytesMax; ++i) {
    PEM_write_bio_X509(writer.get(), sk_X509_value(shown, i));
    begins = std::max(begins, PointOf(X509_get0_notBefore(sk_X509_value(shown, i))));
  }
  const std::string_view pem = TextIn(writer.get());
  if (pem.size() > kPemBytesMax || !held.TakeSpare(pem.size())) return nullptr;
  // OpenSSL's clock goes in ticks, behind this one.
  const TimePoint again_at = begins > SystemClock().Now() ? begins + 1s : TimePoint::max();
  return std::make_unique<UnverifiedPeer>(std::string(pem), context, again_at, std::move(held));
}

std::shared_ptr<const PeerCertificate> UnverifiedPeer::Verify(const TlsContext& context,
                                                              std::string& error) {
  if (context == nullptr) return nullptr;
  const bool is_due = again_at_ <= SystemClock().Now();
  if (judged_by_.lock() == context && !is_due) return nullptr;
  if (is_due) again_at_ = TimePoint::max();
  judged_by_ = context;
  const X509Chain chain = ChainOf(pem_);
  const OfChain<X509_STORE_CTX> judge(X509_STORE_CTX_new());
  X509_STORE_CTX_init(judge.get(), SSL_CTX_get_cert_store(context.get()), chain.first.get(),
                      chain.others.get());
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
