// What is said of answers of webhooks, of admission and of conversion alike. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/values.h"
#include "apiserver/webhooks/answer_members.h"
#include "base/error.h"

namespace skiff {

// So much of what a webhook wrote itself gets into a line of our log, a condition, or the text of a
// failure that is none of our own: client-go takes as much of an answer that it does not
// understand.
inline constexpr size_t kWebhookTextBytesMax = 2048;

// An answer that is no JSON is read as YAML up to this length: that takes far longer, and of what
// is read so at one time the server has little (kYamlInWorkBytesMax), which requests need.
inline constexpr size_t kYamlAnswerBytesMax = 256 << 10;

// The beginning, up to kWebhookTextBytesMax; no character is cut in two.
std::string_view BeginningOf(std::string_view text);

// "admission.k8s.io/v1, Kind=AdmissionReview", of whatever a document says of itself, as Go prints
// a kind.
std::string KindInGo(const Json& document);

// Why what was answered cannot be read: its Content-Type is none, it is not 200 to 206, or it says
// nothing.
std::optional<std::string> AnswerFault(int code, std::string_view content_type,
                                       std::string_view body);

// A field of a review's response, and what Go calls its type. A null is as good as nothing.
struct ResponseField {
  const char* name;
  bool (*is)(const Json& value);
  std::string_view type;
  bool holds_texts = false;
  bool is_own = false;  // The type is one of the review's version, which is told before it.
};
inline constexpr std::string_view kStatusType = "v1.Status";  // Its fields are looked at, too.
// What an answer has to be.
struct ReviewType {
  std::string_view group, version, kind;  // "admission.k8s.io", "v1", "AdmissionReview"
  std::string_view response;              // "AdmissionResponse"
  std::span<const ResponseField> fields;
  size_t document_bytes_max = kAnswerDocumentBytesMax;  // Of what is kept.
};
// The review in an answer, which may say nothing of what it is, and have no response. Of JSON it
// has what it says of itself and the fields above, and nothing else. Fails in Go's words.
Result<Json> ReadAnswer(std::string_view body, const ReviewType& type);

// Of an answer that is not 2xx, in the words of client-go: those of the metav1.Status in it, where
// it is one.
std::string UnexpectedAnswer(int code, std::string_view content_type, std::string_view body);

}  // namespace skiff
