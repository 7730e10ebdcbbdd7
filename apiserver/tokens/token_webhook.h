// Asks another program whose token it is: TokenReviews to the server of a kubeconfig. What it says
// is remembered for a while, whether it knows the token or not; that it could not be asked is not.
// Of one token there is one question at a time, whoever waits for its answer.
//
//   auto webhook = TRY(TokenWebhook::Create(options, {calls, clock, own_audiences}));
//   auto verdict = webhook->Ask(token, audiences);     // Waits: base/at_once.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/service_accounts.h"
#include "apiserver/identity/outbound_calls.h"
#include "apiserver/identity/remembered.h"
#include "apiserver/identity/review_poster.h"
#include "base/clock.h"
#include "client/transport.h"

namespace skiff {

struct TokenWebhookOptions {
  HttpsOptions server;  // With the path that is posted to.
  std::string version = "v1beta1";
  Duration cache_ttl = 2min;  // 0: nothing is remembered.
};

// What a review says. `user` unset: it is nobody's; `error`: why, or why it could not be asked.
struct TokenVerdict {
  std::optional<TokenUser> user = {};
  std::string error = {};
};

// Thread-safe.
class TokenWebhook {
 public:
  struct Parts {  // All outlive it.
    OutboundCalls& calls;
    const Clock& clock;
    std::vector<std::string> audiences;  // The server's own.
  };
  // Invalid for a version that there is not, and for what TLS cannot be made of.
  static Result<std::unique_ptr<TokenWebhook>> Create(TokenWebhookOptions options, Parts parts);

  // nullopt: not without waiting longer than the attempt under way may.
  std::optional<TokenVerdict> Ask(std::string_view token,
                                  const std::vector<std::string>& audiences);
  // Nobody waits any more, from now on.
  void Stop() { questions_.Stop(); }
  // How many requests it was sent.
  uint64_t asked() const { return poster_->sent(); }

 private:
  // Whether what it says is to be remembered.
  struct Answer {
    TokenVerdict verdict;
    bool is_final = false;
    size_t bytes = 0;
  };
  TokenWebhook(TokenWebhookOptions options, Parts parts, std::unique_ptr<ReviewPoster> poster);
  Answer Review(std::string_view token, const std::vector<std::string>& audiences);

  const TokenWebhookOptions options_;
  const Parts parts_;
  const std::unique_ptr<ReviewPoster> poster_;
  Remembered<TokenVerdict> remembered_;
  SharedQuestions<TokenVerdict> questions_;
};

// The TokenReview that is sent, and what an answer says. Pure.
std::string TokenReviewText(const std::string& version, std::string_view token,
                            const std::vector<std::string>& audiences);
Result<TokenVerdict> ReadTokenReview(std::string_view body, const std::string& version,
                                     const std::vector<std::string>& wanted,
                                     const std::vector<std::string>& own);

}  // namespace skiff
