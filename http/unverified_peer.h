// The certificate of a client that did not verify at its handshake. Its authority may come to be
// known while the connection lasts: it is judged anew once the server shows another context. That
// the client has its key the handshake has proved all the same.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "http/message.h"
#include "http/tls.h"

namespace skiff::http {

class UnverifiedPeer {
 public:
  // Of a handshake that was finished with `context`. nullptr where it is longer, with those that
  // were shown with it, than anybody's is: strangers show them.
  static std::unique_ptr<UnverifiedPeer> Of(SSL* ssl, const TlsContext& context);
  // `pem`: the certificate, and those that were shown with it.
  UnverifiedPeer(std::string pem, const TlsContext& context)
      : pem_(std::move(pem)), judged_by_(context) {}

  // nullptr where it does not verify by the authorities of `context`; `error` says why. Looks once
  // at each context, for whoever is nobody asks as often as he likes.
  std::shared_ptr<const PeerCertificate> Verify(const TlsContext& context, std::string& error);

 private:
  const std::string pem_;
  std::weak_ptr<SSL_CTX> judged_by_;
};

}  // namespace skiff::http
