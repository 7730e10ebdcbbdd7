// A client's certificate with those that it shows along, as OpenSSL judges them.
#pragma once

#include <memory>
#include <string_view>

struct bio_st;
struct stack_st_X509;
struct x509_st;
struct x509_store_ctx_st;

namespace skiff {

struct FreeOfChain {
  void operator()(bio_st* bio) const;
  void operator()(x509_st* certificate) const;
  void operator()(stack_st_X509* all) const;
  void operator()(x509_store_ctx_st* judge) const;
};
template <typename T>
using OfChain = std::unique_ptr<T, FreeOfChain>;

// Reads `text`, which has to outlive it.
OfChain<bio_st> ReaderOfChain(std::string_view text);
// The next certificate of a PEM text; nullptr: there is none, or it cannot be read.
OfChain<x509_st> NextOfChain(bio_st* reader);

struct X509Chain {
  OfChain<x509_st> first;  // nullptr: there is none.
  OfChain<stack_st_X509> others;
};
// The certificates of a PEM text, until what cannot be read.
X509Chain ChainOf(std::string_view pem);

}  // namespace skiff
