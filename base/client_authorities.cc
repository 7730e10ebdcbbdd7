#include "base/client_authorities.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>

#include "base/pem.h"
#include "base/pem_blocks.h"

namespace skiff {
namespace {

struct FreeChain {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(STACK_OF(X509) * all) const { sk_X509_pop_free(all, X509_free); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};
template <typename T>
using OfChain = std::unique_ptr<T, FreeChain>;

OfChain<BIO> ReaderOf(std::string_view text) {
  return OfChain<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
OfChain<X509> NextOf(BIO* from) {
  return OfChain<X509>(PEM_read_bio_X509(from, nullptr, &NoPassPhrase, nullptr));
}

// In which all of a chain are good.
Validity CommonTime(STACK_OF(X509) * chain) {
  Validity common{TimePoint::min(), TimePoint::max()};
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* each = sk_X509_value(chain, i);
    common.not_before = std::max(common.not_before, PointOf(X509_get0_notBefore(each)));
    common.not_after = std::min(common.not_after, PointOf(X509_get0_notAfter(each)));
  }
  return common;
}

}  // namespace

ClientAuthorities::ClientAuthorities(std::string_view pem)
    : store_(X509_STORE_new(), X509_STORE_free) {
  const std::string text = WithoutBrokenBlocks(pem);
  const OfChain<BIO> reader = ReaderOf(text);
  while (const OfChain<X509> each = NextOf(reader.get())) {
    X509_STORE_add_cert(store_.get(), each.get());
  }
  ERR_clear_error();
  X509_STORE_set_flags(store_.get(), X509_V_FLAG_PARTIAL_CHAIN);
}

std::optional<Validity> ClientAuthorities::Judge(std::string_view chain_pem,
                                                 std::optional<TimePoint> now) const {
  const OfChain<BIO> chain = ReaderOf(chain_pem);
  const OfChain<X509> first = NextOf(chain.get());
  const OfChain<STACK_OF(X509)> others(sk_X509_new_null());
  while (OfChain<X509> next = NextOf(chain.get())) {
    if (sk_X509_push(others.get(), next.get()) > 0) (void)next.release();
  }
  const OfChain<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store_.get(), first.get(), others.get());
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT);
  if (now) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now->time_since_epoch());
    X509_STORE_CTX_set_time(context.get(), 0, seconds.count());
  } else {
    X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_NO_CHECK_TIME);
  }
  std::optional<Validity> good;
  if (first && X509_verify_cert(context.get()) == 1) {
    good = CommonTime(X509_STORE_CTX_get0_chain(context.get()));
  }
  ERR_clear_error();
  return good;
}

}  // namespace skiff
