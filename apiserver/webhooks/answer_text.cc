#include "apiserver/webhooks/answer_text.h"

#include <fmt/format.h>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/media.h"
#include "base/text.h"

namespace skiff {
namespace {

// What a metav1.Status says; nullopt: the answer is none, or none of a failure.
std::optional<std::string> StatusMessage(std::string_view content_type, std::string_view body) {
  const bool is_json =
      content_type.empty() || BareMediaType(content_type) == "application/json";
  if (!is_json || body.empty()) return std::nullopt;
  const auto document = ParseJson(body);
  if (!document || !document->is_object()) return std::nullopt;
  const auto is_absent_or = [&](const char* name, std::string_view wanted) {
    const auto found = document->find(name);
    return found == document->end() || *found == "" || *found == wanted;
  };
  if (!is_absent_or("kind", "Status") || !is_absent_or("apiVersion", "v1")) return std::nullopt;
  auto status = FromJson<meta_v1::Status>(*document);
  if (!status || status->status != "Failure") return std::nullopt;
  return std::move(status->message);
}

// What is no Status, as far as it is text.
std::string PlainText(std::string_view content_type, std::string_view body) {
  const bool is_text = content_type.empty() || content_type.starts_with("text/");
  if (!is_text) return "unknown";
  return std::string(WithoutBlanks(BeginningOf(body)));
}

}  // namespace

std::string_view BeginningOf(std::string_view text) {
  if (text.size() <= kWebhookTextBytesMax) return text;
  size_t end = kWebhookTextBytesMax;
  // Bytes in the middle of a character look so; one has four at most.
  for (int i = 0; i < 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++i) --end;
  return text.substr(0, end);
}

std::string KindInGo(const Json& document) {
  const std::string version = TextAt(document, "apiVersion");
  const std::string shown = version.find('/') == std::string::npos ? "/" + version : version;
  return shown + ", Kind=" + TextAt(document, "kind");
}

std::optional<std::string> AnswerFault(int code, std::string_view content_type,
                                       std::string_view body) {
  if (code < 200 || code > 206) return UnexpectedAnswer(code, content_type, body);
  if (!body.empty()) return std::nullopt;
  return fmt::format("0-length response with status code: {} and content type: {}", code,
                     content_type.empty() ? "application/json" : content_type);
}

std::string UnexpectedAnswer(int code, std::string_view content_type, std::string_view body) {
  if (auto said = StatusMessage(content_type, body)) return std::string(BeginningOf(*said));
  switch (code) {
    case 400:
      return "the server rejected our request for an unknown reason";
    case 401:
      return "the server has asked for the client to provide credentials";
    case 403:
    case 415:
      return PlainText(content_type, body);
    case 404:
      return "the server could not find the requested resource";
    case 405:
      return "the server does not allow this method on the requested resource";
    case 406: {
      std::string said = PlainText(content_type, body);
      if (!said.empty() && said != "unknown") return said;
      return "the server was unable to respond with a content type that the client supports";
    }
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
                       Quoted(PlainText(content_type, body)));
  }
  return fmt::format(
      "the server responded with the status code {} but did not return more information", code);
}

}  // namespace skiff
