// Asks another program whether somebody may do something: SubjectAccessReviews to the server of a
// kubeconfig. What it says is remembered for a while, under all that the question says; that it
// could not be asked is not. Of one question there is one at a time.
//
//   auto webhook = TRY(AccessWebhook::Create("name", configuration, server, {calls, clock, told}));
//   const Verdict verdict = webhook->Authorize(user, access);   // Waits: base/at_once.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "apiserver/auth/authorizer.h"
#include "apiserver/authorization/authorization_configuration.h"
#include "apiserver/identity/remembered.h"
#include "apiserver/identity/review_poster.h"
#include "base/metrics.h"

namespace skiff {

// What is counted of authorizers; families of one registry.
struct AuthorizerMetrics {
  explicit AuthorizerMetrics(MetricRegistry& metrics);
  CounterFamily& decisions;
  CounterFamily& evaluations;
  HistogramFamily& seconds;
  CounterFamily& fail_open;
  CounterFamily& condition_errors;
  CounterFamily& exclusions;
  HistogramFamily& condition_seconds;
};

class AccessWebhook final : public Authorizer {
 public:
  struct Parts {  // All outlive it.
    OutboundCalls& calls;
    const Clock& clock;
    AuthorizerMetrics& metrics;
  };
  // Invalid for what TLS cannot be made of. `configuration` is prepared.
  static Result<std::unique_ptr<AccessWebhook>> Create(std::string name,
                                                       AccessWebhookConfiguration configuration,
                                                       HttpsOptions server, Parts parts);

  // What is so large is remembered of nobody's request.
  static constexpr size_t kRememberedBytesMax = 10'000;
  // That its conditions exclude something is remembered as well.
  static constexpr Duration kExcludedTtl = 5min;

  Verdict Authorize(const User& user, const Access& access) override;
  void TellRules(const User& user, const std::string& namespace_name, const VisitRule& visit,
                 RulesTold& told) override;
  // Nobody waits any more, from now on.
  void Stop() { questions_.Stop(); }

 private:
  struct Known {
    Verdict verdict;
    bool is_excluded = false;
  };
  AccessWebhook(std::string name, AccessWebhookConfiguration configuration, Parts parts,
                std::unique_ptr<ReviewPoster> poster);
  Result<bool> IsMeant(const authorization_v1::SubjectAccessReviewSpec& spec);
  Verdict Ask(const std::string& spec, const std::string& digest, bool is_remembered);
  Verdict Failed(std::string error) const;

  const std::string name_;
  const AccessWebhookConfiguration configuration_;
  const Parts parts_;
  const std::unique_ptr<ReviewPoster> poster_;
  Remembered<Known> remembered_;
  SharedQuestions<Verdict> questions_;
};

}  // namespace skiff
