#include "apiserver/webhooks/conversion_review.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/document.h"
#include "api/codec/document_bytes.h"
#include "api/codec/json.h"
#include "api/rules/core/object_meta.h"
#include "api/text/go_value.h"
#include "api/violations.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/webhooks/answer_text.h"

namespace skiff {
namespace {

constexpr std::string_view kMalformed = "conversion_webhook_malformed_response_failure";
constexpr std::string_view kPartialAnswer = "conversion_webhook_partial_response_failure";
constexpr std::string_view kInvalidObject = "conversion_webhook_invalid_converted_object_failure";
constexpr ResponseField kFields[] = {
    {"uid", [](const Json& value) { return value.is_string(); }, "types.UID"},
    {"convertedObjects", [](const Json& value) { return value.is_array(); },
     "[]runtime.RawExtension"},
    {"result", [](const Json& value) { return value.is_object(); }, kStatusType}};
// What converted objects may take for each byte of those that were sent, and besides.
constexpr size_t kGrowth = 8;
constexpr size_t kGrowthOfNothing = size_t{4} << 20;
constexpr size_t kShownMax = 256;  // Of an object that says nothing of itself.

Json MetadataOf(const Json& object) {
  const auto found = object.find("metadata");
  return found != object.end() && found->is_object() ? *found : Json::object();
}

const char* GoType(const Json& value) {
  return value.is_null() ? "nil" : GoTypeOf(value);
}

std::string ConversionPrefix(const ConversionQuestion& question) {
  return "conversion webhook for " + KindInGo(question.objects.front());
}

// The text of what is wrong with the whole answer; "" when nothing is.
std::string WhyMalformed(const Json& review, const ConversionQuestion& question) {
  const bool is_v1 = question.version == "v1";
  constexpr std::string_view kWanted = "apiextensions.k8s.io/v1, Kind=ConversionReview";
  if (const std::string got = KindInGo(review); is_v1 && got != kWanted) {
    return fmt::format("expected webhook response of {}, got {}", kWanted, got);
  }
  const auto response = review.find("response");
  if (response == review.end() || response->is_null()) return "no response provided";
  const std::string uid = TextAt(*response, "uid");
  if (is_v1 && uid != question.uid) {
    return fmt::format("expected response.uid={}, got {}", Quoted(question.uid), Quoted(uid));
  }
  const Json result = response->value("result", Json::object());
  const std::string status = TextAt(result, "status"), message = TextAt(result, "message");
  if (status == "Success") return "";
  return message.empty() ? "response.result.status was '" + status + "', not 'Success'" : message;
}

// What an object says of itself must be what was asked for.
std::string WhyAnother(const Json& was, const Json& is, std::string_view api_version) {
  const std::string invalid = " returned invalid object at index 0: ";
  if (const std::string got = TextAt(is, "apiVersion"); got != api_version) {
    return invalid +
           fmt::format("invalid groupVersion (expected {}, received {})", api_version, got);
  }
  const std::string kind = TextAt(was, "kind");
  if (const std::string got = TextAt(is, "kind"); got != kind) {
    return invalid + fmt::format("invalid kind (expected {}, received {})", kind, got);
  }
  const Json before = MetadataOf(was), after = MetadataOf(is);
  const std::pair<const char*, const char*> kSame[] = {
      {"name", "name"}, {"namespace", "namespace"}, {"uid", "UID"}};
  for (const auto& [name, shown] : kSame) {
    const std::string expected = TextAt(before, name), got = TextAt(after, name);
    if (expected == got) continue;
    return " returned invalid object: " +
           fmt::format("must have the same {}: {} != {}", shown, expected, got);
  }
  return "";
}

// Labels or annotations as the webhook has them, checked where they changed.
std::string TakeTexts(const char* name, const Json& given, Json& metadata) {
  const auto found = given.find(name);
  if (found == given.end() || found->is_null()) {
    metadata.erase(name);
    return "";
  }
  if (!found->is_object()) {
    return fmt::format("invalid metadata.{} of type {} in converted object", name,
                       GoType(*found));
  }
  StringMap texts;
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) {
      return fmt::format("metadata.{}[{}] must be a string, but is {} in converted object", name,
                         key, GoType(value));
    }
    texts[key] = value.get<std::string>();
  }
  if (metadata.value(name, Json::object()) != *found) {
    Violations wrong;
    if (std::string_view(name) == "labels") {
      ValidateLabels(texts, FieldPath("metadata").Child("labels"), wrong);
    } else {
      ValidateAnnotations(texts, FieldPath("metadata").Child("annotation"), wrong);
    }
    if (!wrong.empty()) return wrong.Text();
  }
  metadata[name] = *found;
  return "";
}

// Gives the object its metadata back, except for labels and annotations.
std::string RestoreMetadata(const Json& was, Json& is) {
  const auto given = is.find("metadata");
  if (given == is.end()) return "missing metadata in converted object";
  if (!given->is_object()) {
    return fmt::format("invalid metadata of type {} in converted object", GoType(*given));
  }
  Json metadata = MetadataOf(was);
  for (const char* name : {"labels", "annotations"}) {
    if (std::string why = TakeTexts(name, *given, metadata); !why.empty()) return why;
  }
  is["metadata"] = std::move(metadata);
  return "";
}

// The text of what is wrong with one object; "" when it is whole.
std::string TakeObject(const Json& was, Json& is, const ConversionQuestion& question) {
  if (is.is_null()) return "unexpected end of JSON input";  // As good as no text at all.
  if (!is.is_object()) {
    return fmt::format("json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                       GoFound(is));
  }
  if (TextAt(is, "kind").empty()) {
    return "Object 'Kind' is missing in '" + DumpJson(is).substr(0, kShownMax) + "'";
  }
  const std::string prefix = "conversion webhook for " + KindInGo(was);
  if (std::string why = WhyAnother(was, is, question.api_version); !why.empty()) {
    return prefix + why;
  }
  if (std::string why = RestoreMetadata(was, is); !why.empty()) {
    return prefix + " returned invalid metadata: " + why;
  }
  return "";
}

size_t AnswerBytesMax(const ConversionQuestion& question) {
  size_t bytes = kGrowthOfNothing + kGrowth * question.shed_bytes;
  for (const Json& object : question.objects) bytes += kGrowth * DocumentBytes(object);
  return std::min(bytes, kAnswerDocumentBytesMax);
}

// As it is stored: without a resourceVersion. Nothing is copied but its metadata.
void AppendAsStored(const Json& object, std::string& text) {
  if (!object.is_object() || object.empty()) return AppendJson(object, text);
  char separator = '{';
  for (const auto& [name, value] : object.items()) {
    text += separator;
    AppendJsonString(name, text);
    text += ':';
    separator = ',';
    if (name != "metadata" || !value.is_object()) {
      AppendJson(value, text);
      continue;
    }
    Json metadata = value;
    metadata.erase("resourceVersion");
    AppendJson(metadata, text);
  }
  text += '}';
}

std::string WhyTooLarge(const Json& object, size_t index, const ConversionQuestion& question) {
  if (DumpJson(object).size() <= kConvertedBytesMax) return "";
  return fmt::format(
      "{} returned invalid object at index {}: Request entity too large: limit is {}",
      ConversionPrefix(question), index, kConvertedBytesMax);
}

}  // namespace

std::string ConversionFailed(const ConversionQuestion& question, std::string_view why) {
  return ConversionPrefix(question) + " failed: " + std::string(why);
}

std::string ConversionText(const ConversionQuestion& question) {
  std::string text = "{\"kind\":\"ConversionReview\",\"apiVersion\":\"apiextensions.k8s.io/";
  text.append(question.version).append("\",\"request\":{\"uid\":");
  AppendJsonString(question.uid, text);
  text += ",\"desiredAPIVersion\":";
  AppendJsonString(question.api_version, text);
  text += ",\"objects\":";
  char separator = '[';
  for (const Json& object : question.objects) {
    text += separator;
    AppendAsStored(object, text);
    separator = ',';
  }
  text += "]},\"response\":{\"uid\":\"\",\"convertedObjects\":null,";
  text += "\"result\":{\"metadata\":{}}}}";
  return text;
}

size_t ShedContents(std::vector<Json>& objects) {
  size_t bytes = 0;
  for (Json& object : objects) {
    if (!object.is_object()) continue;
    bytes += DocumentBytes(object);
    std::erase_if(object.get_ref<Json::object_t&>(), [](const auto& member) {
      const std::string& name = member.first;
      return name != "apiVersion" && name != "kind" && name != "metadata";
    });
    bytes -= DocumentBytes(object);
  }
  return bytes;
}

tl::expected<std::vector<Json>, ConversionFault> ReadConversion(
    std::string_view body, const ConversionQuestion& question) {
  auto review = ReadAnswer(body, {.group = "apiextensions.k8s.io",
                                  .version = question.version,
                                  .kind = "ConversionReview",
                                  .response = "ConversionResponse",
                                  .fields = kFields,
                                  .document_bytes_max = AnswerBytesMax(question)});
  if (!review) {
    return tl::unexpected(ConversionFault{kConversionCallFailure,
                                          ConversionFailed(question, review.error().message)});
  }
  if (const std::string why = WhyMalformed(*review, question); !why.empty()) {
    return tl::unexpected(ConversionFault{kMalformed, ConversionFailed(question, why)});
  }
  Json given = std::move(review->at("response")["convertedObjects"]);
  const size_t count = given.is_array() ? given.size() : 0;
  if (count != question.objects.size()) {
    return tl::unexpected(ConversionFault{
        kPartialAnswer, fmt::format("{} returned {} objects, expected {}",
                                    ConversionPrefix(question), count, question.objects.size())});
  }
  std::vector<Json> converted;
  converted.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    std::string why = TakeObject(question.objects[i], given[i], question);
    if (why.empty() && body.size() > kConvertedBytesMax) why = WhyTooLarge(given[i], i, question);
    if (!why.empty()) return tl::unexpected(ConversionFault{kInvalidObject, std::move(why)});
    converted.push_back(std::move(given[i]));
  }
  return converted;
}

}  // namespace skiff
