#include "base/x509_chain.h"

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "base/pem.h"

namespace skiff {

void FreeOfChain::operator()(bio_st* bio) const {
  BIO_free(bio);
}
void FreeOfChain::operator()(x509_st* certificate) const {
  X509_free(certificate);
}
void FreeOfChain::operator()(stack_st_X509* all) const {
  sk_X509_pop_free(all, X509_free);
}
void FreeOfChain::operator()(x509_store_ctx_st* judge) const {
  X509_STORE_CTX_free(judge);
}

OfChain<bio_st> ReaderOfChain(std::string_view text) {
  return OfChain<bio_st>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

OfChain<x509_st> NextOfChain(bio_st* reader) {
  return OfChain<x509_st>(PEM_read_bio_X509(reader, nullptr, &NoPassPhrase, nullptr));
}

X509Chain ChainOf(std::string_view pem) {
  const OfChain<bio_st> reader = ReaderOfChain(pem);
  X509Chain chain{NextOfChain(reader.get()), OfChain<stack_st_X509>(sk_X509_new_null())};
  while (OfChain<x509_st> next = NextOfChain(reader.get())) {
    if (sk_X509_push(chain.others.get(), next.get()) > 0) (void)next.release();
  }
  return chain;
}

}  // namespace skiff
