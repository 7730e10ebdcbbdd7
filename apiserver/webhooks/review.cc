#include "apiserver/webhooks/review.h"

#include <fmt/format.h>

#include "api/codec/base64.h"
#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

std::string Text(const Json& document, const char* name) {
  const auto found = document.find(name);
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

tl::unexpected<Error> InvalidReview(std::string_view why) {
  return Fail(Reason::kInternalError,
              fmt::format("received invalid webhook response: {}", why));
}

// "admission.k8s.io/v1, Kind=AdmissionReview", as Go prints a kind.
std::string KindText(const Json& review) {
  const std::string version = Text(review, "apiVersion");
  const std::string shown =
      version.find('/') == std::string::npos ? "/" + version : version;
  return shown + ", Kind=" + Text(review, "kind");
}

// v1beta1 says less of itself, and so less is checked.
Result<> CheckV1(const Json& review, const Json& response, const ReviewQuestion& question,
                 bool mutating) {
  const std::string uid = Text(response, "uid");
  if (uid != question.uid) {
    return InvalidReview(
        fmt::format("expected response.uid={}, got {}", Quoted(question.uid), Quoted(uid)));
  }
  constexpr std::string_view kWanted = "admission.k8s.io/v1, Kind=AdmissionReview";
  if (const std::string got = KindText(review); got != kWanted) {
    return InvalidReview(fmt::format("expected webhook response of {}, got {}", kWanted, got));
  }
  const bool patch = !Text(response, "patch").empty();
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
                               Quoted(Text(response, "patchType"))));
  }
  return {};
}

Result<> CheckTypes(const Json& response) {
  const auto wrong = [](const char* name, const char* type) {
    return Fail(Reason::kInternalError,
                fmt::format("failed to call webhook: json: cannot unmarshal into Go struct field "
                            "AdmissionResponse.response.{} of type {}",
                            name, type));
  };
  const auto is = [&](const char* name, auto check) {
    const auto found = response.find(name);
    return found == response.end() || found->is_null() || check(*found);
  };
  const auto text = [](const Json& value) { return value.is_string(); };
  const auto object = [](const Json& value) { return value.is_object(); };
  const auto boolean = [](const Json& value) { return value.is_boolean(); };
  const auto list = [](const Json& value) { return value.is_array(); };
  if (!is("uid", text)) return wrong("uid", "types.UID");
  if (!is("allowed", boolean)) return wrong("allowed", "bool");
  if (!is("status", object)) return wrong("status", "v1.Status");
  if (!is("patch", text)) return wrong("patch", "[]uint8");
  if (!is("patchType", text)) return wrong("patchType", "v1.PatchType");
  if (!is("warnings", list)) return wrong("warnings", "[]string");
  if (!is("auditAnnotations", object)) return wrong("auditAnnotations", "map[string]string");
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
                            review ? "json: cannot unmarshal into Go value of type struct"
                                   : review.error().message));
  }
  const auto found = review->find("response");
  if (found == review->end() || found->is_null()) return InvalidReview("webhook response was absent");
  if (!found->is_object()) {
    return Fail(Reason::kInternalError,
                "failed to call webhook: json: cannot unmarshal into Go struct field "
                "AdmissionReview.response of type v1.AdmissionResponse");
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
    auto patch = DecodeBase64(Text(response, "patch"));
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
      if (value.is_string()) answer.annotations[key] = value;
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
  const std::string said = Text(denial, "status");
  if (said.empty() || said == "Success") denial["status"] = "Failure";
  const std::string by = fmt::format("admission webhook {} denied the request", Quoted(webhook));
  const std::string message = Text(denial, "message");
  const std::string reason = Text(denial, "reason");
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
  Error error{ReasonFromText(Text(denial, "reason")), Text(denial, "message")};
  error.http_code = denial.value("code", 400);
  return error;
}

std::string UnexpectedAnswer(int code, std::string_view content_type, std::string_view body) {
  const bool is_text = content_type.empty() || content_type.starts_with("text/");
  std::string said = is_text ? std::string(body) : "unknown";
  while (!said.empty() && std::isspace(static_cast<unsigned char>(said.back())) != 0) {
    said.pop_back();
  }
  said.erase(0, said.find_first_not_of(" \t\r\n"));
  switch (code) {
    case 400:
      return "the server rejected our request for an unknown reason";
    case 401:
      return "the server has asked for the client to provide credentials";
    case 403:
      return said;
    case 404:
      return "the server could not find the requested resource";
    case 405:
      return "the server does not allow this method on the requested resource";
    case 409:
      return "the server reported a conflict";
    case 422:
      return "the server rejected our request due to an error in our request";
    case 429:
      return "the server has received too many requests and has asked us to try again later";
    case 503:
      return "the server is currently unable to handle the request";
    case 504:
      return "the server was unable to return a response in the time allotted, but may still be "
             "processing the request";
    default:
      break;
  }
  if (code >= 500) {
    return fmt::format("an error on the server ({}) has prevented the request from succeeding",
                       Quoted(said));
  }
  return fmt::format(
      "the server responded with the status code {} but did not return more information", code);
}

}  // namespace skiff
