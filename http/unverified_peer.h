// The certificate of a client that did not verify at its handshake. Its authority may come to be
// known while the connection lasts, and it may begin to be good: it is judged anew once the server
// shows another context, and once it has begun. That the client has its key the handshake has
// proved all the same.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "http/intake.h"
#include "http/message.h"
#include "http/tls.h"

namespace skiff::http {

class UnverifiedPeer {
 public:
  // Of a handshake that was finished with `context`. nullptr where it has more than 8 KiB of PEM,
  // with those that were shown with it, or `held` has no room for that: strangers show them, and
  // whose are longer (RSA of 4,096 bits with several intermediates) connects anew.
  static std::unique_ptr<UnverifiedPeer> Of(SSL* ssl, const TlsContext& context,
                                            Intake::Share held);
  // `pem`: the certificate, and those that were shown with it. `again_at`: when it is judged anew
  // by the same context as well. `held`: what counts it.
  UnverifiedPeer(std::string pem, const TlsContext& context, TimePoint again_at = TimePoint::max(),
                 Intake::Share held = {})
      : pem_(std::move(pem)), held_(std::move(held)), judged_by_(context), again_at_(again_at) {}

  // nullptr where it does not verify by the authorities of `context`; `error` says why. Looks once
  // at each context, and once behind `again_at`, for whoever is nobody asks as often as he likes.
  std::shared_ptr<const PeerCertificate> Verify(const TlsContext& context, std::string& error);

 private:
  const std::string pem_;
  const Intake::Share held_;
  std::weak_ptr<SSL_CTX> judged_by_;
  TimePoint again_at_;
};

}  // namespace skiff::http
