#include "apiserver/authorization/access_webhook.h"

#include <utility>

#include "api/cel/made_bytes.h"
#include "api/codec/struct_text.h"
#include "base/at_once.h"
#include "base/hash.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kAccessLog("authorization-webhook");

size_t BytesOf(const Access& access) {
  return access.namespace_name.size() + access.verb.size() + access.group.size() +
         access.version.size() + access.resource.size() + access.subresource.size() +
         access.name.size() + access.path.size();
}

}  // namespace

AuthorizerMetrics::AuthorizerMetrics(MetricRegistry& metrics)
    : decisions(metrics.AddCounter(
          {"apiserver_authorization_decisions_total",
           "[ALPHA] Decisions that an authorizer made, by its type, its name and what it decided.",
           {"type", "name", "decision"}})),
      evaluations(metrics.AddCounter({"apiserver_authorization_webhook_evaluations_total",
                                      "[ALPHA] Requests sent to authorization webhooks.",
                                      {"name", "result"}})),
      seconds(metrics.AddHistogram({"apiserver_authorization_webhook_duration_seconds",
                                    "[ALPHA] How long these took.",
                                    {"name", "result"}},
                                   {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10})),
      fail_open(metrics.AddCounter(
          {"apiserver_authorization_webhook_evaluations_fail_open_total",
           "[ALPHA] How often there was no opinion because a webhook could not be asked.",
           {"name", "result"}})),
      condition_errors(
          metrics.AddCounter({"apiserver_authorization_match_condition_evaluation_errors_total",
                              "[ALPHA] How often a condition of a webhook could not be told.",
                              {"type", "name"}})),
      exclusions(metrics.AddCounter({"apiserver_authorization_match_condition_exclusions_total",
                                     "[ALPHA] How often a webhook was not asked by its conditions.",
                                     {"type", "name"}})),
      condition_seconds(
          metrics.AddHistogram({"apiserver_authorization_match_condition_evaluation_seconds",
                                "[ALPHA] How long the conditions of a webhook took.",
                                {"type", "name"}},
                               {.001, .005, .01, .025, .1, .2, .25})) {}

Result<std::unique_ptr<AccessWebhook>> AccessWebhook::Create(
    std::string name, AccessWebhookConfiguration configuration, HttpsOptions server, Parts parts) {
  auto poster = TRY(ReviewPoster::Create(std::move(server), configuration.timeout, parts.calls));
  return std::unique_ptr<AccessWebhook>(
      new AccessWebhook(std::move(name), std::move(configuration), parts, std::move(poster)));
}

AccessWebhook::AccessWebhook(std::string name, AccessWebhookConfiguration configuration,
                             Parts parts, std::unique_ptr<ReviewPoster> poster)
    : name_(std::move(name)),
      configuration_(std::move(configuration)),
      parts_(parts),
      poster_(std::move(poster)) {}

Verdict AccessWebhook::Failed(std::string error) const {
  const bool denies = configuration_.failure_policy == "Deny";
  return {.decision = denies ? Verdict::Decision::kDeny : Verdict::Decision::kNoOpinion,
          .error = std::move(error)};
}

Result<bool> AccessWebhook::IsMeant(const authorization_v1::SubjectAccessReviewSpec& spec) {
  if (configuration_.conditions.empty()) return true;
  const auto begin = std::chrono::steady_clock::now();
  auto holds = AccessConditionsHold(configuration_.conditions, spec);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  // An attempt that asks nobody is made again, and counts then.
  if (holds && *holds && !MayWaitLong()) return true;
  parts_.metrics.condition_seconds.Observe({kWebhookMode, name_}, took.count());
  if (!holds) parts_.metrics.condition_errors.Add({kWebhookMode, name_});
  if (holds && !*holds) parts_.metrics.exclusions.Add({kWebhookMode, name_});
  return holds;
}

Verdict AccessWebhook::Authorize(const User& user, const Access& access) {
  const auto spec = ReviewSpecOf(user, access);
  std::string text;
  AppendStruct(authorization_v1::SubjectAccessReviewSpec::Describe(), &spec, text);
  const std::string digest = Sha256(text);
  const Duration now = parts_.clock.Monotonic();
  if (const auto known = remembered_.Find(digest, now)) {
    if (known->is_excluded) parts_.metrics.exclusions.Add({kWebhookMode, name_});
    return known->verdict;
  }
  // Conditions may take longer than a loop has time for.
  if (!MayWait()) return {};
  const bool is_remembered = BytesOf(access) < kRememberedBytesMax;
  const auto is_meant = IsMeant(spec);
  if (!is_meant) return Failed(is_meant.error().message);
  if (!*is_meant) {
    if (is_remembered) remembered_.Keep(digest, {.is_excluded = true}, 0, now + kExcludedTtl);
    return {};
  }
  if (!MayWaitLong()) return {};
  const cel::AwayScope away;  // An expression of a policy may ask.
  auto verdict = questions_.Ask(digest, [&] { return Ask(text, digest, is_remembered); });
  return verdict ? *std::move(verdict) : Failed("context canceled");
}

Verdict AccessWebhook::Ask(const std::string& spec, const std::string& digest, bool is_remembered) {
  Verdict verdict;
  std::string outcome;
  const auto read = [&](const std::string& body) -> Result<> {
    verdict = TRY(ReadAccessReview(body, configuration_.version));
    return {};
  };
  const auto tell = [&](const char* result, double seconds) {
    outcome = result;
    parts_.metrics.evaluations.Add({name_, result});
    parts_.metrics.seconds.Observe({name_, result}, seconds);
  };
  const auto done = poster_->Post(AccessReviewText(configuration_.version, spec), read, tell);
  if (!done) {
    kAccessLog.Error("webhook not asked", {{"name", name_}, {"error", done.error().message}});
    verdict = Failed(done.error().message);
    if (verdict.decision == Verdict::Decision::kNoOpinion && outcome != "canceled") {
      parts_.metrics.fail_open.Add({name_, outcome});
    }
    return verdict;
  }
  const bool allows = verdict.allowed();
  const Duration ttl = allows ? configuration_.authorized_ttl : configuration_.unauthorized_ttl;
  const bool caches =
      allows ? configuration_.caches_authorized : configuration_.caches_unauthorized;
  if (caches && is_remembered && ttl > Duration::zero()) {
    const size_t bytes = verdict.reason.size() + verdict.error.size();
    remembered_.Keep(digest, {.verdict = verdict}, bytes, parts_.clock.Monotonic() + ttl);
  }
  return verdict;
}

void AccessWebhook::TellRules(const User&, const std::string&, const VisitRule&, RulesTold& told) {
  told.incomplete = true;
  told.errors.push_back("webhook authorizer does not support user rule resolution");
}

}  // namespace skiff
