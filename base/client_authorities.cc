#include "base/client_authorities.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>

#include "base/pem_blocks.h"
#include "base/x509_chain.h"

namespace skiff {
namespace {

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
  const OfChain<BIO> reader = ReaderOfChain(text);
  while (const OfChain<X509> each = NextOfChain(reader.get())) {
    X509_STORE_add_cert(store_.get(), each.get());
  }
  ERR_clear_error();
  X509_STORE_set_flags(store_.get(), X509_V_FLAG_PARTIAL_CHAIN);
}

std::optional<Validity> ClientAuthorities::HaveSignedAt(std::string_view chain_pem, TimePoint now,
                                                        int level) const {
  const X509Chain chain = ChainOf(chain_pem);
  const OfChain<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store_.get(), chain.first.get(), chain.others.get());
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  X509_STORE_CTX_set_time(context.get(), 0, seconds.count());
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context.get()), level);
  std::optional<Validity> good;
  if (chain.first && X509_verify_cert(context.get()) == 1) {
    good = CommonTime(X509_STORE_CTX_get0_chain(context.get()));
  }
  ERR_clear_error();
  return good;
}

}  // namespace skiff
