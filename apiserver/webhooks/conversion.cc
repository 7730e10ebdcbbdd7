#include "apiserver/webhooks/conversion.h"

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/gen/apiextensions_v1.h"
#include "api/kinds/versions.h"
#include "api/text/group_version.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/wait_deadline.h"
#include "apiserver/webhooks/answer_text.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kConversionLog("conversion");

using Steady = std::chrono::steady_clock;
using Documents = std::vector<Json>;

// How many objects from `begin` on fit into one review.
size_t EndOfReview(const Documents& documents, size_t begin) {
  size_t bytes = 0, end = begin;
  while (end < documents.size() && end - begin < kConversionObjectsMax) {
    bytes += DumpJson(documents[end]).size();
    if (end > begin && bytes > kConversionBytesMax) break;
    ++end;
  }
  return end;
}

// An object that says nothing but what it is has nothing to convert.
bool IsBare(const Json& document) {
  return document.size() == 2 && document.contains("kind") && document.contains("apiVersion");
}

class WebhookConverter final : public VersionConverter {
 public:
  struct Parts {
    Conversions& counts;
    WebhookCaller& caller;
    Random& random;
  };
  WebhookConverter(Parts parts, std::string definition, WebhookPlace place, std::string version)
      : parts_(parts),
        definition_(std::move(definition)),
        place_(std::move(place)),
        version_(std::move(version)) {}

  Result<Documents> Convert(Documents documents, std::string_view api_version) const override {
    if (version_.empty()) return Fail(PlainError("no supported conversion review versions"));
    Documents converted;
    converted.reserve(documents.size());
    if (documents.size() == 1 && IsBare(documents[0])) {
      documents[0]["apiVersion"] = api_version;
      return documents;
    }
    for (size_t begin = 0; begin < documents.size();) {
      const size_t end = EndOfReview(documents, begin);
      Documents some(std::make_move_iterator(documents.begin() + begin),
                     std::make_move_iterator(documents.begin() + end));
      Documents answered = TRY(Ask(std::move(some), api_version));
      converted.insert(converted.end(), std::make_move_iterator(answered.begin()),
                       std::make_move_iterator(answered.end()));
      begin = end;
    }
    return converted;
  }

 private:
  Result<Documents> Ask(Documents documents, std::string_view api_version) const {
    const std::string uid = parts_.random.Uid();
    ConversionQuestion question{version_, uid, api_version, documents};
    std::string text = ConversionText(question);
    question.shed_bytes = ShedContents(documents);
    const auto since = Steady::now();
    auto answer = Hear(question, std::move(text),
                       std::min(since + kConversionTimeout, WaitDeadline::OfThread()));
    const double seconds = std::chrono::duration<double>(Steady::now() - since).count();
    const std::string from = TextAt(documents.front(), "apiVersion");
    parts_.counts.Count({.definition = definition_,
                         .from = VersionPart(from),
                         .to = VersionPart(api_version),
                         .seconds = seconds,
                         .fault = answer ? std::string_view() : answer.error().type});
    if (answer) return std::move(*answer);
    kConversionLog.Info("conversion failed",
                        {{"definition", definition_}, {"error", BeginningOf(answer.error().text)}});
    return Fail(PlainError(answer.error().text));
  }

  // `text`: of the question.
  tl::expected<Documents, ConversionFault> Hear(const ConversionQuestion& question,
                                                std::string text,
                                                Steady::time_point deadline) const {
    const auto failed = [&](std::string_view why) {
      return tl::unexpected(
          ConversionFault{kConversionCallFailure, ConversionFailed(question, why)});
    };
    const auto call = parts_.caller.Start(place_, std::move(text), kConversionTimeout, deadline);
    const auto reply = call->Wait();
    if (!reply) return failed(reply.error().message);
    if (const auto fault = AnswerFault(reply->status, reply->content_type, reply->body)) {
      return failed(*fault);
    }
    return ReadConversion(reply->body, question);
  }

  const Parts parts_;
  const std::string definition_;
  const WebhookPlace place_;
  const std::string version_;  // Of reviews; "" when it takes none that we know.
};

}  // namespace

Conversions::Conversions(WebhookCaller& caller, Random& random, MetricRegistry& metrics)
    : caller_(caller),
      random_(random),
      requests_(metrics.AddCounter({"apiserver_conversion_webhook_request_total",
                                    "[ALPHA] Calls of webhooks that convert custom resources.",
                                    {"result", "failure_type"}})),
      seconds_(metrics.AddHistogram(
          {"apiserver_conversion_webhook_duration_seconds",
           "[ALPHA] Time that webhooks took to convert custom resources, in seconds.",
           {"result", "failure_type"}},
          {0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 45, 60})),
      definition_seconds_(metrics.AddHistogram(
          {"apiserver_crd_conversion_webhook_duration_seconds",
           "[ALPHA] Time that webhooks took to convert custom resources, by definition and "
           "versions, in seconds.",
           {"crd_name", "from_version", "to_version", "succeeded"}},
          {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048,
           4.096, 8.192, 16.384})) {}

void Conversions::Count(const Counted& counted) {
  const bool is_success = counted.fault.empty();
  const std::string_view result = is_success ? "success" : "failure";
  requests_.Add({result, counted.fault});
  seconds_.Observe({result, counted.fault}, counted.seconds);
  definition_seconds_.Observe(
      {counted.definition, counted.from, counted.to, is_success ? "true" : "false"},
      counted.seconds);
}

crd::ConverterPtr Conversions::Of(const Json& definition) {
  WebhookPlace place;
  std::string version;
  const Json* webhook = FindPath(definition, "spec.conversion.webhook");
  const auto typed = FromJson<apiextensions_v1::WebhookConversion>(
      webhook == nullptr ? Json::object() : *webhook);
  if (typed) {
    if (typed->client_config) place = WebhookPlace::Of(*typed->client_config);
    if (place.ca_bundle.find_first_not_of(" \t\r\n") == std::string::npos) place.ca_bundle.clear();
    for (const std::string& each : typed->conversion_review_versions) {
      if (each != "v1" && each != "v1beta1") continue;
      version = each;
      break;
    }
  }
  return std::make_shared<WebhookConverter>(
      WebhookConverter::Parts{*this, caller_, random_}, TextAt(definition, "metadata.name"),
      std::move(place), std::move(version));
}

}  // namespace skiff
