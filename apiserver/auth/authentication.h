// Who is asking: whom a proxy in front names, client certificate, bearer token (file, service
// account, bootstrap, or one that others vouch for), or nobody; then whom the request wants to be
// taken for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/authorizer.h"
#include "apiserver/auth/bootstrap_tokens.h"
#include "apiserver/auth/client_certificates.h"
#include "apiserver/auth/console_sessions.h"
#include "apiserver/auth/front_proxy.h"
#include "apiserver/auth/key_proof.h"
#include "apiserver/auth/service_accounts.h"
#include "apiserver/auth/token_file.h"
#include "apiserver/auth/user.h"
#include "apiserver/tokens/outside_tokens.h"
#include "base/clock.h"
#include "http/message.h"

namespace skiff {

// Thread-safe.
class Authentication {
 public:
  struct Options {
    TokenFile tokens = {};
    bool anonymous = true;
    // Where nobody may be anonymous, these paths are still open to who shows no credentials.
    std::vector<std::string> anonymous_paths = {};
    ServiceAccountTokens* service_accounts = nullptr;  // May be null; outlives us.
    const BootstrapTokens* bootstrap = nullptr;        // The same.
    ConsoleSessions* console = nullptr;                // The same.
    OutsideTokens* outside = nullptr;                  // The same.
    const Clock* clock = nullptr;                      // Not null; outlives us.
    std::string client_ca_pem = {};  // Whose client certificates are users.
    FrontProxyOptions front_proxy = {};
    // Told of each certificate that names a user, for how long it is good still. May be null.
    std::function<void(Duration left)> shown_certificate = {};
  };
  explicit Authentication(Options options);

  // Unauthorized when the credentials are bad, or missing and nobody may be anonymous; Forbidden
  // where a browser shows a certificate for a page of another site, or a node's proxy leads back
  // here; the store's own error where what a token stands on cannot be read. `warnings` gets texts
  // for Warning headers. In an attempt that would have to wait (base/at_once.h) the answer is void.
  Result<User> Authenticate(const http::Request& request, std::vector<std::string>& warnings) const;
  // Whom it may have to wait for until that is known; none: nobody.
  OutboundPool::Names WaitsFor(const http::Request& request) const;
  // What a link to the console is to stand for: the token or the certificate by which this request
  // is known. Forbidden for who is known by neither.
  Result<LinkCredential> CredentialOf(const http::Request& request) const;
  // Who has shown the key of a certificate that a handshake would name him by. Unauthorized, with
  // why, where it names nobody, and as CheckProof.
  Result<LinkCredential> CredentialOf(const KeyProof& proof) const;
  // As TokenReview asks; empty audiences mean the server's own.
  Result<TokenUser> AuthenticateToken(std::string_view token,
                                      std::vector<std::string> audiences) const;

  // Who signs client certificates from now on, in place of what the options say; "" as there. On
  // error nothing changes. Any thread.
  Result<> UseClientAuthorities(const std::string& client_ca_pem, const std::string& proxy_ca_pem) {
    return certificates_.Use({.client_ca_pem = client_ca_pem, .proxy_ca_pem = proxy_ca_pem});
  }

  // From what is to go on to somebody else (front_proxy.h).
  void RemoveIdentity(http::Headers& headers) const {
    skiff::RemoveIdentity(options_.front_proxy, headers);
  }

 private:
  // nullopt: no credentials of that kind. Unauthorized: bad ones.
  using Found = Result<std::optional<User>>;
  Found ByFrontProxy(const http::Request& request) const;
  Found ByCertificate(const http::Request& request) const;
  // `fault`: why nobody can tell whether a token of this cluster is good; nothing is bad by that.
  using Fault = std::optional<Error>;
  Found ByToken(std::string_view token, Fault& fault) const;
  Result<TokenUser> UserOfToken(std::string_view token, std::vector<std::string> audiences,
                                Fault& fault) const;
  // Of a session of the console: whom its certificate names, if that is as good as it was.
  std::optional<User> BySession(std::string_view token) const;
  Found ByBearerToken(const http::Request& request, std::vector<std::string>& warnings,
                      Fault& fault) const;
  Found BySubprotocol(const http::Request& request, Fault& fault) const;
  // Of the certificate that was shown and verified; nullptr: none was.
  std::shared_ptr<const CertificateHolder> HolderIn(const http::Request& request) const;
  // Good now, and of who signs users.
  std::shared_ptr<const CertificateHolder> GoodHolder(const http::Request& request) const;
  bool MayBeAnonymous(const http::Request& request) const;

  const Options options_;
  mutable ClientCertificates certificates_;
};

bool ImpersonatesSomebody(const http::Request& request);
// The user that the Impersonate-* headers name, when `user` may act for it; `user` itself without
// such headers.
Result<User> Impersonate(const http::Request& request, User user, Authorizer& authorizer);

}  // namespace skiff
