#include "apiserver/webhooks/webhooks.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/document_bytes.h"
#include "api/kinds/versions.h"
#include "api/patch/patch.h"
#include "apiserver/admission/had_room.h"
#include "apiserver/admission/ignored_time.h"
#include "apiserver/admission/request_document.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/request_context.h"
#include "apiserver/webhooks/answer_text.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kWebhooksLog("webhooks");

using Steady = std::chrono::steady_clock;

// As DocumentBytesOf counts: the largest object fits, whatever it is made of.
constexpr size_t kPatchDocumentBytesMax = kAnswerDocumentBytesMax;

// New objects are shown to what changes them as they were before the server gave them what is its
// own to give.
Json ShownObject(const Object& object, Operation operation, bool mutating) {
  Json document = object.ToDocument();
  if (operation != Operation::kCreate || !mutating) return document;
  Json& metadata = document["metadata"];
  metadata.erase("uid");
  metadata.erase("creationTimestamp");
  return document;
}

tl::unexpected<Error> FailedCalling(const Hook& hook, std::string_view why) {
  return Fail(InternalErrorOf(
      fmt::format("failed calling webhook {}: {}", Quoted(hook.name), why)));
}

// Reads the answer's patch. The text of why it cannot be applied, whatever the object is; "" where
// it can.
std::string WhyUnfit(ReviewAnswer& answer, const AdmissionRequest& request) {
  if (DocumentBytesOf(answer.patch) > kPatchDocumentBytesMax) {
    return fmt::format("webhook returned a patch that takes more than {} bytes of memory",
                       kPatchDocumentBytesMax);
  }
  auto patch = ParseJsonPatch(answer.patch, false);
  if (!patch) return "received undecodable patch in webhook response: " + patch.error().message;
  answer.operations = std::move(*patch);
  const bool changes = request.object != nullptr || request.body != nullptr;
  if (answer.operations.operations.empty() || !changes || answer.patch_type == "JSONPatch")
    return "";
  return "unsupported patch type " + Quoted(answer.patch_type);
}

void AddTo(HookTimes& times, bool mutating, Duration took) {
  if (mutating) {
    times.changing += took;
  } else {
    times.validating = std::max(times.validating, took);
  }
}

Error RequestTooLate() {
  Error error{Reason::kTimeout, "Timeout: request did not complete within requested timeout"};
  error.details.emplace();
  return error;
}

}  // namespace

WebhookMetrics::WebhookMetrics(MetricRegistry& registry)
    : seconds_(registry.AddHistogram(
          {"apiserver_admission_webhook_admission_duration_seconds",
           "[STABLE] Time that admission webhooks took to answer, in seconds.",
           {"name", "type", "operation", "rejected"}},
          {0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25})),
      requests_(registry.AddCounter({"apiserver_admission_webhook_request_total",
                                     "[ALPHA] Calls of admission webhooks.",
                                     {"name", "type", "operation", "code", "rejected"}})),
      rejections_(registry.AddCounter(
          {"apiserver_admission_webhook_rejection_count",
           "[ALPHA] Requests that were refused because of an admission webhook.",
           {"name", "type", "operation", "error_type", "rejection_code"}})),
      failed_open_(registry.AddCounter(
          {"apiserver_admission_webhook_fail_open_count",
           "[ALPHA] Requests that were let through although an admission webhook failed.",
           {"name", "type"}})),
      condition_seconds_(registry.AddHistogram(
          {"apiserver_admission_match_condition_evaluation_seconds",
           "[ALPHA] Time that conditions of admission webhooks took, in seconds.",
           {"name", "kind", "type", "operation"}},
          {0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25})),
      condition_errors_(registry.AddCounter(
          {"apiserver_admission_match_condition_evaluation_errors_total",
           "[ALPHA] Conditions of admission webhooks that could not be evaluated.",
           {"name", "kind", "type", "operation"}})),
      condition_exclusions_(registry.AddCounter(
          {"apiserver_admission_match_condition_exclusions_total",
           "[ALPHA] Requests that conditions of admission webhooks excluded.",
           {"name", "kind", "type", "operation"}})) {}

void WebhookMetrics::CountConditions(const Hook& hook, bool mutating, Operation operation,
                                     const Result<bool>& hold, double seconds) {
  const std::string_view type = mutating ? "admit" : "validating";
  const auto name = OperationText(operation);
  condition_seconds_.Observe({hook.name, "webhook", type, name}, seconds);
  if (!hold) condition_errors_.Add({hook.name, "webhook", type, name});
  if (hold && !*hold) condition_exclusions_.Add({hook.name, "webhook", type, name});
}

void WebhookMetrics::Count(const Hook& hook, bool mutating, Operation operation,
                           const Outcome& outcome) {
  const std::string_view type = mutating ? "admit" : "validating";
  const std::string_view rejected = outcome.rejected ? "true" : "false";
  const std::string code = std::to_string(std::min(outcome.code, 600));
  seconds_.Observe({hook.name, type, OperationText(operation), rejected}, outcome.seconds);
  requests_.Add({hook.name, type, OperationText(operation), code, rejected});
  if (outcome.rejected) {
    const bool refused = outcome.error_type == "no_error";
    rejections_.Add({hook.name, type, OperationText(operation), outcome.error_type,
                     refused ? std::string_view(code) : "0"});
  }
  if (outcome.failed_open) failed_open_.Add({hook.name, type});
}

Webhooks::Webhooks(Parts parts)
    : parts_(std::move(parts)),
      caller_({parts_.store, parts_.random, parts_.loops, parts_.nodes, parts_.ask_self,
               parts_.to_endpoints}),
      metrics_(parts_.metrics),
      mutating_(parts_.store),
      validating_(parts_.store) {}

std::set<std::string> Webhooks::Named(Operation operation, const KindInfo& kind,
                                      std::string_view subresource) {
  std::set<std::string> names;
  if (IsExemptFromAdmission(kind)) return names;
  std::shared_ptr<const Served> served;
  for (const auto& hooks : {mutating_.Now(), validating_.Now()}) {
    if (hooks == nullptr) continue;  // None is asked before all can be read.
    for (const auto& hook : *hooks) {
      if (!served) served = parts_.served();
      if (RulesName(hook->criteria, operation, kind, subresource, *served->kinds)) {
        names.insert(hook->id);
      }
    }
  }
  return names;
}

Result<Webhooks::SentPtr> Webhooks::InVersion(const KindInfo& kind, const AdmissionRequest& request,
                                              bool mutating, Versions& versions) {
  for (const SentPtr& made : versions.made_) {
    if (made->kind == &kind) return made;
  }
  Sent sent{.served = versions.served_, .kind = &kind};
  if (request.body != nullptr) {
    sent.object = *request.body;
    // Options of a connection and bodies of subresources say what they are.
    const KindName name = SentKind(kind, request.subresource);
    sent.object["kind"] = name.kind;
    sent.object["apiVersion"] = name.ApiVersion();
    if (request.old_body != nullptr) sent.old_object = *request.old_body;
  } else {
    if (request.object != nullptr) {
      sent.object = TRY(DocumentAs(request.kind, kind,
                                   ShownObject(*request.object, request.operation, mutating)));
    }
    if (request.old_object != nullptr) {
      sent.old_object = TRY(DocumentAs(request.kind, kind, request.old_object->ToDocument()));
    }
  }
  return versions.made_.emplace_back(std::make_shared<const Sent>(std::move(sent)));
}

Result<Webhooks::SentPtr> Webhooks::Match(const Hook& hook, const AdmissionRequest& request,
                                          bool mutating, Versions& versions) {
  const KindInfo* kind =
      TRY(MatchRequest(hook.criteria, request, {parts_.caches, *versions.served_->kinds}));
  if (kind == nullptr) return SentPtr();
  SentPtr sent = TRY(InVersion(*kind, request, mutating, versions));
  const Result<bool> holds = ConditionsHold(hook, request, *sent, mutating);
  TRY(HadRoom());
  if (!holds && hook.ignores_failure) return SentPtr();
  if (!holds) {
    // Not as plugins call it: one whose name is not known yet has none.
    return Fail(Forbidden(GroupResourceOf(request.kind), RequestedAccess(request).name,
                          holds.error().message));
  }
  return *holds ? std::move(sent) : SentPtr();
}

Result<bool> Webhooks::ConditionsHold(const Hook& hook, const AdmissionRequest& request,
                                      const Sent& sent, bool mutating) {
  if (hook.conditions.empty()) return true;
  const auto since = Steady::now();
  const RequestAuthorizer authorizer(parts_.authorizer, request.user);
  const Json document = RequestDocument(request, *sent.kind);
  const cel::AccessQuestion resource = RequestedAccess(request);
  const IgnoredTime time(hook.ignores_failure, request.deadline);
  auto hold =
      cel::ConditionsHold(hook.conditions, {.object = cel::Value::Document(sent.object),
                                            .old_object = cel::Value::Document(sent.old_object),
                                            .request = &document,
                                            .authorizer = &authorizer,
                                            .request_resource = &resource});
  metrics_.CountConditions(hook, mutating, request.operation, hold,
                           std::chrono::duration<double>(Steady::now() - since).count());
  return hold;
}

Webhooks::Asked Webhooks::Ask(const Hook& hook, const AdmissionRequest& request,
                              const Sent& sent) {
  Asked asked{.hook = &hook,
              .uid = parts_.random.Uid(),
              .kind = sent.kind,
              .call = nullptr,
              .fault = {},
              .since = Steady::now()};
  if (hook.review_version.empty()) {
    asked.fault = "webhook does not accept known AdmissionReview versions (v1, v1beta1)";
    return asked;
  }
  const auto deadline = std::min(asked.since + hook.timeout, request.deadline);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(deadline - asked.since);
  std::string text = ReviewText({request, *sent.kind, hook.review_version, asked.uid},
                                sent.object, sent.old_object);
  asked.call = caller_.Start(hook.place, std::move(text),
                             std::max(seconds, std::chrono::seconds(1)), deadline);
  return asked;
}

Result<ReviewAnswer> Webhooks::HearReview(Asked& asked, const AdmissionRequest& request,
                                          bool mutating) {
  if (!asked.call) return Fail(Reason::kInternalError, asked.fault);
  const auto reply = asked.call->Wait();
  if (!reply) {
    // What the configuration says of where it is leads nowhere: nobody was asked.
    const bool is_misconfigured = reply.error().reason == Reason::kInvalid;
    const char* what =
        is_misconfigured ? "could not get REST client: " : "failed to call webhook: ";
    return Fail(reply.error().reason, what + reply.error().message);
  }
  if (const auto fault = AnswerFault(reply->status, reply->content_type, reply->body)) {
    return Fail(Reason::kInternalError, "failed to call webhook: " + *fault);
  }
  return ReadReview(reply->body, {request, *asked.kind, asked.hook->review_version, asked.uid},
                    mutating);
}

Result<> Webhooks::LetThrough(const Hook& hook, const AdmissionRequest& request, bool mutating,
                              WebhookMetrics::Outcome outcome, const std::string& why) {
  outcome.code = 500;
  outcome.error_type = "calling_webhook_error";
  outcome.failed_open = hook.ignores_failure;
  outcome.rejected = !hook.ignores_failure;
  metrics_.Count(hook, mutating, request.operation, outcome);
  if (!hook.ignores_failure) return FailedCalling(hook, why);
  kWebhooksLog.Info("webhook failed, request let through",
                    {{"webhook", hook.name}, {"error", BeginningOf(why)}});
  if (Steady::now() >= request.deadline) return Fail(RequestTooLate());
  return {};
}

Result<std::optional<ReviewAnswer>> Webhooks::Hear(Asked asked, const AdmissionRequest& request,
                                                   bool mutating, Json& denial) {
  const Hook& hook = *asked.hook;
  auto answer = HearReview(asked, request, mutating);
  const Duration took = Steady::now() - asked.since;
  if (request.hook_times != nullptr) AddTo(*request.hook_times, mutating, took);
  WebhookMetrics::Outcome outcome{.seconds = std::chrono::duration<double>(took).count()};
  if (!answer) {
    TRY(LetThrough(hook, request, mutating, outcome, answer.error().message));
    return std::nullopt;
  }
  for (std::string& warning : answer->warnings) request.warnings.push_back(std::move(warning));
  for (const auto& [key, value] : answer->annotations) {
    Annotate(request, hook.name + "/" + key, value);
  }
  if (answer->allowed && !answer->patch.empty()) {
    if (const std::string why = WhyUnfit(*answer, request); !why.empty()) {
      TRY(LetThrough(hook, request, mutating, outcome, why));
      return std::nullopt;
    }
  }
  outcome.rejected = !answer->allowed;
  if (answer->allowed) {
    metrics_.Count(hook, mutating, request.operation, outcome);
    return std::move(*answer);
  }
  denial = DenialStatus(hook.name, answer->status);
  Error error = DenialError(denial);
  outcome.code = error.http_code;
  metrics_.Count(hook, mutating, request.operation, outcome);
  return Fail(std::move(error));
}

}  // namespace skiff
