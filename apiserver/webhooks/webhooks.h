// What the two admission plugins of webhooks share: which are configured, whether one wants to hear
// of a request, and how it is asked.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "apiserver/auth/authorizer.h"
#include "apiserver/identity/caches.h"
#include "apiserver/kinds/served_kinds.h"
#include "apiserver/webhooks/caller.h"
#include "apiserver/webhooks/hooks.h"
#include "apiserver/webhooks/review.h"
#include "base/metrics.h"

namespace skiff {

// Counted under kube-apiserver's names.
class WebhookMetrics {
 public:
  explicit WebhookMetrics(MetricRegistry& registry);

  struct Outcome {
    int code = 200;
    bool rejected = false;
    std::string_view error_type = "no_error";  // "calling_webhook_error", ...
    bool failed_open = false;
    double seconds = 0;
  };
  void Count(const Hook& hook, bool mutating, Operation operation, const Outcome& outcome);
  // What its conditions said, if they could be asked.
  void CountConditions(const Hook& hook, bool mutating, Operation operation,
                       const Result<bool>& hold, double seconds);

 private:
  HistogramFamily& seconds_;
  CounterFamily& requests_;
  CounterFamily& rejections_;
  CounterFamily& failed_open_;
  HistogramFamily& condition_seconds_;
  CounterFamily& condition_errors_;
  CounterFamily& condition_exclusions_;
};

// Thread-safe.
class Webhooks {
 public:
  struct Parts {
    Store& store;
    Caches& caches;
    Authorizer& authorizer;
    Random& random;
    std::function<std::shared_ptr<const Served>()> served;
    http::Loops* loops;  // nullptr: nothing can be called.
    const NodeConnections* nodes;
    MetricRegistry& metrics;
    std::function<http::Response(const http::Request&)> ask_self;  // As WebhookCaller's.
    bool to_endpoints = false;                                     // As of ServicePodParts.
  };
  explicit Webhooks(Parts parts);

  std::shared_ptr<const Hooks> Mutating() { return mutating_.Now(); }
  std::shared_ptr<const Hooks> Validating() { return validating_.Now(); }
  // The names of those that a request of this operation on the resource may have to wait for.
  std::set<std::string> Named(Operation operation, const KindInfo& kind,
                              std::string_view subresource);

  std::shared_ptr<const Served> served() const { return parts_.served(); }
  // Of webhooks that convert, too.
  WebhookCaller& caller() { return caller_; }
  // Ends the wait for all that are being asked, and asks none any more.
  void Stop() { caller_.Stop(); }

  // A request as webhooks are to see it that want it in one version.
  struct Sent {
    std::shared_ptr<const Served> served;  // Keeps `kind` alive.
    const KindInfo* kind = nullptr;
    Json object, old_object;
  };
  using SentPtr = std::shared_ptr<const Sent>;
  // A request in the versions that webhooks want, each made once: for as long as it does not
  // change.
  class Versions {
   public:
    // `served`: what is served now.
    explicit Versions(std::shared_ptr<const Served> served) : served_(std::move(served)) {}

   private:
    friend class Webhooks;
    std::shared_ptr<const Served> served_;
    std::vector<SentPtr> made_;  // A kind has few.
  };
  // How the webhook is to see the request; null: it is not to be asked. Fails with what the client
  // is to be told.
  Result<SentPtr> Match(const Hook& hook, const AdmissionRequest& request, bool mutating,
                        Versions& versions);

  // A question under way. It points into the hook, the kind and, while it is heard, the request:
  // they outlive it.
  struct Asked {
    const Hook* hook;
    std::string uid;
    const KindInfo* kind;
    std::unique_ptr<WebhookCall> call;      // Null: `fault` says why there is none.
    std::string fault;
    std::chrono::steady_clock::time_point since;
  };
  // Returns at once: the answer has to come within the hook's timeout and request.deadline. `sent`
  // is as Match gave it, and not needed any more; its versions are.
  Asked Ask(const Hook& hook, const AdmissionRequest& request, const Sent& sent);
  // The answer, when it is there; nullopt when the webhook failed and may. Fails with what the
  // client is to be told; a refusal's own words are put into `denial`.
  Result<std::optional<ReviewAnswer>> Hear(Asked asked, const AdmissionRequest& request,
                                           bool mutating, Json& denial);

 private:
  Result<SentPtr> InVersion(const KindInfo& kind, const AdmissionRequest& request, bool mutating,
                            Versions& versions);
  Result<bool> ConditionsHold(const Hook& hook, const AdmissionRequest& request, const Sent& sent,
                              bool mutating);
  // Of one that failed: it may, and then nothing is wrong, or the client is told why.
  Result<> LetThrough(const Hook& hook, const AdmissionRequest& request, bool mutating,
                      WebhookMetrics::Outcome outcome, const std::string& why);
  Result<ReviewAnswer> HearReview(Asked& asked, const AdmissionRequest& request, bool mutating);

  Parts parts_;
  WebhookCaller caller_;
  WebhookMetrics metrics_;
  HookTable<admissionregistration_v1::MutatingWebhookConfiguration> mutating_;
  HookTable<admissionregistration_v1::ValidatingWebhookConfiguration> validating_;
};

}  // namespace skiff
