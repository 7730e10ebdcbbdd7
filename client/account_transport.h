// Requests in the name of a service account, as kube-controller-manager's controllers send them
// with --use-service-account-credentials: the account is made where it is missing, its token is
// asked for by a TokenRequest, and asked for anew before it expires.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/client.h"
#include "client/transport.h"

namespace skiff {

// Tokens of one account. Thread-safe; who asks while one is being fetched waits for it.
class AccountTokens final : public CredentialSource {
 public:
  // Such tokens are asked for; a server may give others.
  static constexpr Duration kLifetime = 1h;
  // A server whose clock is another seems to give less: as much is believed all the same.
  static constexpr Duration kLifetimeMin = 10min;

  // `client` may read and create service accounts, and create tokens for them.
  AccountTokens(Client& client, const Clock& clock, ObjectKey account);
  // A token that has at least a fifth of its life before it; the server's refusal otherwise.
  Result<Credentials> Get() override;
  // The account went, and its tokens with it: the next one is of an account made anew.
  void Refused(const Credentials& credentials) override;

 private:
  Result<> MakeAccount();
  Result<std::string> Fetch() REQUIRES(mutex_);

  Client& client_;
  const Clock& clock_;
  const ObjectKey account_;
  const Log log_;
  Mutex mutex_;
  std::string token_ GUARDED_BY(mutex_);  // "": there is none.
  Duration renew_at_ GUARDED_BY(mutex_) = Duration(0);
};

// Sends all by `below`, which knows nobody by itself, as the account that the tokens are of. A
// request without a token is answered 503, and not sent.
class AccountTransport final : public Transport {
 public:
  AccountTransport(Transport& below, std::unique_ptr<CredentialSource> tokens)
      : below_(below), tokens_(std::move(tokens)) {}
  http::Response Send(http::Request request) override;

 private:
  Transport& below_;
  const std::unique_ptr<CredentialSource> tokens_;
};

}  // namespace skiff
