#include "apiserver/webhooks/review.h"

#include <fmt/format.h>

#include "api/codec/base64.h"
#include "api/codec/document.h"
#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/webhooks/answer_text.h"

namespace skiff {
namespace {

tl::unexpected<Error> InvalidReview(std::string_view why) {
  return Fail(Reason::kInternalError,
              fmt::format("received invalid webhook response: {}", why));
}

// v1beta1 says less of itself, and so less is checked. `patches`: a patch is there, once decoded.
Result<> CheckV1(const Json& review, const Json& response, const ReviewQuestion& question,
                 bool patches, bool mutating) {
  const std::string uid = TextAt(response, "uid");
  if (uid != question.uid) {
    return InvalidReview(
        fmt::format("expected response.uid={}, got {}", Quoted(question.uid), Quoted(uid)));
  }
  constexpr std::string_view kWanted = "admission.k8s.io/v1, Kind=AdmissionReview";
  if (const std::string got = KindInGo(review); got != kWanted) {
    return InvalidReview(fmt::format("expected webhook response of {}, got {}", kWanted, got));
  }
  const auto type = response.find("patchType");
  const bool typed = type != response.end() && !type->is_null();
  if (!mutating) {
    if (patches) return InvalidReview("validating webhook may not return response.patch");
    if (typed) return InvalidReview("validating webhook may not return response.patchType");
    return {};
  }
  if (patches && !typed) {
    return InvalidReview("webhook returned response.patch but not response.patchType");
  }
  if (!patches && typed) {
    return InvalidReview("webhook returned response.patchType but not response.patch");
  }
  if (typed && *type == "") {
    return InvalidReview("webhook returned invalid response.patchType of \"\"");
  }
  return {};
}

// A patch is one text here, and what else there is says little.
constexpr size_t kReviewDocumentBytesMax = size_t{16} << 20;

constexpr ResponseField kFields[] = {
    {"uid", [](const Json& value) { return value.is_string(); }, "types.UID"},
    {"allowed", [](const Json& value) { return value.is_boolean(); }, "bool"},
    {"status", [](const Json& value) { return value.is_object(); }, kStatusType},
    {"patch", [](const Json& value) { return value.is_string(); }, "[]uint8"},
    {"patchType", [](const Json& value) { return value.is_string(); }, "PatchType", false, true},
    {"auditAnnotations", [](const Json& value) { return value.is_object(); }, "map[string]string",
     true},
    {"warnings", [](const Json& value) { return value.is_array(); }, "[]string", true}};

}  // namespace

Result<ReviewAnswer> ReadReview(std::string_view body, const ReviewQuestion& question,
                                bool mutating) {
  constexpr std::string_view kFailed = "failed to call webhook: ";
  const auto review = ReadAnswer(body, {.group = "admission.k8s.io",
                                        .version = question.version,
                                        .kind = "AdmissionReview",
                                        .response = "AdmissionResponse",
                                        .fields = kFields,
                                        .document_bytes_max = kReviewDocumentBytesMax});
  if (!review) return Fail(Reason::kInternalError, std::string(kFailed) + review.error().message);
  const auto found = review->find("response");
  if (found == review->end() || found->is_null()) {
    return InvalidReview("webhook response was absent");
  }
  const Json& response = *found;
  auto patch = DecodeBase64(TextAt(response, "patch"));
  if (!patch) return Fail(Reason::kInternalError, std::string(kFailed) + patch.error().message);
  if (question.version == "v1")
    TRY(CheckV1(*review, response, question, !patch->empty(), mutating));
  ReviewAnswer answer{.allowed = response.value("allowed", Json(false)) == true};
  if (const auto status = response.find("status");
      status != response.end() && status->is_object()) {
    // Goes to clients in every encoding: only what a Status has.
    answer.status = ToJson(TRY(FromJson<meta_v1::Status>(*status)));
  }
  if (mutating) {
    answer.patch = std::move(*patch);
    if (question.version == "v1") answer.patch_type = TextAt(response, "patchType");
  }
  for (const Json& warning : ListAt(response, "warnings")) {
    if (warning.is_string()) answer.warnings.push_back(warning);
  }
  if (const Json* notes = FindPath(response, "auditAnnotations"); notes && notes->is_object()) {
    for (const auto& [key, value] : notes->items()) {
      answer.annotations[key] = value.is_string() ? value.get<std::string>() : "";
    }
  }
  return answer;
}

Json DenialStatus(std::string_view webhook, const Json& status) {
  Json denial = status.is_object() ? status : Json::object();
  denial["kind"] = "Status";
  denial["apiVersion"] = "v1";
  if (!denial.contains("metadata")) denial["metadata"] = Json::object();
  const auto code = denial.find("code");
  const bool numbered = code != denial.end() && code->is_number_integer();
  // A refusal is one, whatever the webhook calls it.
  if (!numbered || code->get<int64_t>() < 400 || code->get<int64_t>() > 599) denial["code"] = 400;
  const std::string said = TextAt(denial, "status");
  if (said.empty() || said == "Success") denial["status"] = "Failure";
  const std::string by = fmt::format("admission webhook {} denied the request", Quoted(webhook));
  const std::string message = TextAt(denial, "message");
  const std::string reason = TextAt(denial, "reason");
  if (!message.empty()) {
    denial["message"] = by + ": " + message;
  } else if (!reason.empty()) {
    denial["message"] = by + ": " + reason;
  } else {
    denial["message"] = by + " without explanation";
  }
  return denial;
}

Error DenialError(const Json& denial) {
  Error error{ReasonFromText(TextAt(denial, "reason")), TextAt(denial, "message")};
  error.http_code = denial.value("code", 400);
  return error;
}

}  // namespace skiff
