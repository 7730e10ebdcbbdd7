#include "apiserver/webhooks/review.h"

#include <fmt/format.h>

#include "api/codec/base64.h"
#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "api/text/yaml.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/webhooks/answer_text.h"

namespace skiff {
namespace {

tl::unexpected<Error> InvalidReview(std::string_view why) {
  return Fail(Reason::kInternalError,
              fmt::format("received invalid webhook response: {}", why));
}

// v1beta1 says less of itself, and so less is checked.
Result<> CheckV1(const Json& review, const Json& response, const ReviewQuestion& question,
                 bool mutating) {
  const std::string uid = TextAt(response, "uid");
  if (uid != question.uid) {
    return InvalidReview(
        fmt::format("expected response.uid={}, got {}", Quoted(question.uid), Quoted(uid)));
  }
  constexpr std::string_view kWanted = "admission.k8s.io/v1, Kind=AdmissionReview";
  if (const std::string got = KindInGo(review); got != kWanted) {
    return InvalidReview(fmt::format("expected webhook response of {}, got {}", kWanted, got));
  }
  const bool patch = !TextAt(response, "patch").empty();
  const auto type = response.find("patchType");
  const bool typed = type != response.end() && !type->is_null();
  if (!mutating) {
    if (patch) return InvalidReview("validating webhook may not return response.patch");
    if (typed) return InvalidReview("validating webhook may not return response.patchType");
    return {};
  }
  if (patch && !typed) return InvalidReview("webhook returned response.patch but not response.patchType");
  if (!patch && typed) return InvalidReview("webhook returned response.patchType but not response.patch");
  if (typed && *type != "JSONPatch") {
    return InvalidReview(fmt::format("webhook returned invalid response.patchType of {}",
                               Quoted(TextAt(response, "patchType"))));
  }
  return {};
}

// What Go calls a value that it finds where it expects another.
std::string_view FoundInGo(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_object()) return "object";
  return value.is_array() ? "array" : "number";
}

std::string NoObjectText(const Json& value) {
  return fmt::format("json: cannot unmarshal {} into Go value of type struct {{ APIVersion string "
                     "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
                     "\"json:\\\"kind,omitempty\\\"\" }}",
                     FoundInGo(value));
}

// What is no JSON may be YAML, for which any words are a text.
std::string Unreadable(std::string_view body, const Error& fault) {
  if (body.size() > kWebhookTextBytesMax) return fault.message;
  const auto yaml = ParseYaml(body);
  return yaml && yaml->value.is_string() ? NoObjectText(yaml->value) : fault.message;
}

// What says that it is something else is that; what says nothing is found out later.
Result<> CheckKind(const Json& review, const ReviewQuestion& question) {
  const std::string version = TextAt(review, "apiVersion");
  const std::string kind = TextAt(review, "kind");
  if (version.empty() || kind.empty()) return {};
  constexpr std::string_view kGroup = "admission.k8s.io/";
  const std::string_view own = std::string_view(version).substr(
      version.starts_with(kGroup) ? kGroup.size() : version.size());
  if (kind != "AdmissionReview" || (own != "v1" && own != "v1beta1")) {
    return Fail(Reason::kInternalError,
                fmt::format("failed to call webhook: no kind {} is registered for version {} in "
                            "scheme \"pkg/runtime/scheme.go:111\"",
                            Quoted(kind), Quoted(version)));
  }
  if (own == question.version) return {};
  return Fail(Reason::kInternalError,
              fmt::format("failed to call webhook: converting ({}.AdmissionReview) to "
                          "({}.AdmissionReview): unknown conversion",
                          own, question.version));
}

Result<> CheckTypes(const Json& response) {
  using Is = bool (*)(const Json&);
  constexpr Is kText = [](const Json& value) { return value.is_string(); };
  constexpr Is kObject = [](const Json& value) { return value.is_object(); };
  constexpr Is kList = [](const Json& value) { return value.is_array(); };
  constexpr Is kBoolean = [](const Json& value) { return value.is_boolean(); };
  struct Wanted {
    const char* name;
    Is is;
    const char* type;
    bool holds_texts = false;
  };
  constexpr Wanted kWanted[] = {{"uid", kText, "types.UID"},
                                {"allowed", kBoolean, "bool"},
                                {"status", kObject, "v1.Status"},
                                {"patch", kText, "[]uint8"},
                                {"patchType", kText, "v1.PatchType"},
                                {"auditAnnotations", kObject, "map[string]string", true},
                                {"warnings", kList, "[]string", true}};
  // A null is as good as nothing anywhere.
  const auto check = [](const Json& value, Is is, const char* name,
                        const char* type) -> Result<> {
    if (value.is_null() || is(value)) return {};
    return Fail(Reason::kInternalError,
                fmt::format("failed to call webhook: json: cannot unmarshal {} into Go struct "
                            "field AdmissionResponse.response.{} of type {}",
                            FoundInGo(value), name, type));
  };
  for (const Wanted& wanted : kWanted) {
    const auto found = response.find(wanted.name);
    if (found == response.end()) continue;
    TRY(check(*found, wanted.is, wanted.name, wanted.type));
    if (!wanted.holds_texts) continue;
    for (const Json& each : *found) TRY(check(each, kText, wanted.name, "string"));
  }
  return {};
}

}  // namespace

Result<ReviewAnswer> ReadReview(std::string_view body, const ReviewQuestion& question,
                                bool mutating) {
  const auto review = ParseJson(body);
  if (!review || !review->is_object()) {
    return Fail(Reason::kInternalError,
                fmt::format("failed to call webhook: couldn't get version/kind; json parse error: "
                            "{}",
                            review ? NoObjectText(*review) : Unreadable(body, review.error())));
  }
  TRY(CheckKind(*review, question));
  const auto found = review->find("response");
  if (found == review->end() || found->is_null()) return InvalidReview("webhook response was absent");
  if (!found->is_object()) {
    return Fail(Reason::kInternalError,
                fmt::format("failed to call webhook: json: cannot unmarshal {} into Go struct "
                            "field AdmissionReview.response of type v1.AdmissionResponse",
                            FoundInGo(*found)));
  }
  const Json& response = *found;
  TRY(CheckTypes(response));
  if (question.version == "v1") TRY(CheckV1(*review, response, question, mutating));
  ReviewAnswer answer{.allowed = response.value("allowed", Json(false)) == true};
  if (const auto status = response.find("status");
      status != response.end() && status->is_object()) {
    // Goes to clients in every encoding: only what a Status has.
    const auto typed = FromJson<meta_v1::Status>(*status);
    if (!typed) {
      return Fail(Reason::kInternalError, "failed to call webhook: " + typed.error().message);
    }
    answer.status = ToJson(*typed);
  }
  if (mutating) {
    auto patch = DecodeBase64(TextAt(response, "patch"));
    if (!patch) {
      return Fail(Reason::kInternalError, "failed to call webhook: " + patch.error().message);
    }
    answer.patch = std::move(*patch);
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
