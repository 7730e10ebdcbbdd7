#include "apiserver/webhooks/answer_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api/codec/decode.h"
#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "api/text/go_value.h"
#include "api/text/media_type.h"
#include "api/text/yaml.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/media.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr std::string_view kNoMeta = "couldn't get version/kind; json parse error: ";
// A failure's Status says little.
constexpr size_t kStatusDocumentBytesMax = size_t{16} << 20;

// As Go's clients read an answer, whatever its Content-Type says: what begins with a brace is JSON,
// all else YAML. Fails in the words of its parsers. Of JSON only `members` are kept.
Result<Json> ParseAnswer(std::string_view body, const AnswerMembers& members) {
  if (WithoutBlanks(body).starts_with('{')) {
    auto json = ReadAnswerMembers(body, members);
    if (json || json.error().reason != Reason::kBadRequest) return json;
    return Fail(Reason::kInternalError, std::string(kNoMeta) + json.error().message);
  }
  if (body.size() > kYamlAnswerBytesMax) {
    return Fail(
        Reason::kInternalError,
        fmt::format("the answer is no JSON, and longer than {} bytes", kYamlAnswerBytesMax));
  }
  auto yaml = ParseYaml(body);
  if (!yaml) return Fail(Reason::kInternalError, yaml.error().message);
  return std::move(yaml->value);
}

// What a metav1.Status says; nullopt: the answer is none, or none of a failure.
std::optional<std::string> StatusMessage(std::string_view body) {
  if (body.empty()) return std::nullopt;
  constexpr std::string_view kMembers[] = {"apiVersion", "kind",   "metadata", "status",
                                           "message",    "reason", "details",  "code"};
  const auto document =
      ParseAnswer(body, {.names = kMembers, .document_bytes_max = kStatusDocumentBytesMax});
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
  const bool is_text =
      content_type.empty() || Lower(WithoutBlanks(content_type)).starts_with("text/");
  if (!is_text) return "unknown";
  return std::string(WithoutBlanks(BeginningOf(body)));
}

std::string NoObjectText(const Json& value) {
  return fmt::format(
      "json: cannot unmarshal {} into Go value of type struct {{ APIVersion string "
      "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
      "\"json:\\\"kind,omitempty\\\"\" }}",
      GoFound(value));
}

tl::unexpected<Error> Unlike(std::string text) {
  return Fail(Reason::kInternalError, std::move(text));
}

// What it says of itself; what it leaves out is as it should be.
Result<TypeMeta> MetaOf(const Json& review, const ReviewType& type) {
  auto meta = TypeMetaOf(review);
  if (!meta) return Unlike(std::string(kNoMeta) + meta.error().message);
  const std::string own = std::string(type.group) + "/";
  if (meta->api_version.empty() || meta->api_version == own) {
    meta->api_version = own + std::string(type.version);
  }
  if (meta->kind.empty()) meta->kind = type.kind;
  return meta;
}

// What Go knows in every group beside its own kinds: those that have no version, and those that
// each of its versions has.
bool IsInAnyVersion(std::string_view kind) {
  static constexpr std::string_view kKinds[] = {"Status", "APIVersions", "APIGroup", "APIGroupList",
                                                "APIResourceList"};
  return std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
}
bool IsInEachVersion(std::string_view kind) {
  static constexpr std::string_view kKinds[] = {"WatchEvent",    "ListOptions",   "GetOptions",
                                                "DeleteOptions", "CreateOptions", "UpdateOptions",
                                                "PatchOptions"};
  return std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
}

Result<> CheckKind(const Json& review, const ReviewType& type) {
  const TypeMeta meta = TRY(MetaOf(review, type));
  const std::string_view version = meta.api_version;
  const size_t slash = version.find('/');
  if (slash != version.npos && version.find('/', slash + 1) != version.npos) {
    return Unlike("unexpected GroupVersion string: " + meta.api_version);
  }
  const bool is_own = slash != version.npos && version.substr(0, slash) == type.group;
  const std::string_view named = is_own ? version.substr(slash + 1) : std::string_view();
  const auto unlike = [&](std::string_view found, std::string_view kind) {
    return Unlike(fmt::format("converting ({}.{}) to ({}.{}): unknown conversion", found, kind,
                              type.version, type.kind));
  };
  const bool is_served = named == "v1" || named == "v1beta1";
  if (IsInAnyVersion(meta.kind) || (is_served && IsInEachVersion(meta.kind))) {
    return unlike("v1", meta.kind);
  }
  if (meta.kind != type.kind || !is_served) {
    return Unlike(NoKindRegistered(meta, kRuntimeScheme));
  }
  if (named == type.version) return {};
  return unlike(named, type.kind);
}

// Go names all of the way to a field.
std::string WithPlace(std::string text, std::string_view name) {
  constexpr std::string_view kField = " Go struct field ";
  const size_t field = text.find(kField);
  const size_t dot = field == text.npos ? text.npos : text.find('.', field);
  if (dot != text.npos) text.insert(dot + 1, fmt::format("response.{}.", name));
  return text;
}

Result<> CheckField(const Json& value, const ResponseField& field, const ReviewType& type) {
  const auto unfit = [&](const Json& found, std::string_view wanted) {
    return Unlike(
        fmt::format("json: cannot unmarshal {} into Go struct field {}.response.{} of "
                    "type {}",
                    GoFound(found), type.response, field.name, wanted));
  };
  if (value.is_null()) return {};
  if (!field.is(value)) {
    const std::string owner = field.is_own ? std::string(type.version) + "." : "";
    return unfit(value, owner + std::string(field.type));
  }
  if (field.type == kStatusType) {
    const auto status = FromJson<meta_v1::Status>(value);
    if (!status) return Unlike(WithPlace(status.error().message, field.name));
  }
  if (!field.holds_texts) return {};
  for (const Json& each : value) {
    if (!each.is_null() && !each.is_string()) return unfit(each, "string");
  }
  return {};
}

}  // namespace

Result<Json> ReadAnswer(std::string_view body, const ReviewType& type) {
  constexpr std::string_view kMembers[] = {"apiVersion", "kind", "response"};
  std::vector<std::string_view> fields;
  for (const ResponseField& field : type.fields) fields.emplace_back(field.name);
  auto review = ParseAnswer(body, {.names = kMembers,
                                   .inner = "response",
                                   .inner_names = fields,
                                   .document_bytes_max = type.document_bytes_max});
  if (!review) return review;
  if (review->is_null()) review = Json::object();
  if (!review->is_object()) return Unlike(std::string(kNoMeta) + NoObjectText(*review));
  TRY(CheckKind(*review, type));
  const auto response = review->find("response");
  if (response == review->end() || response->is_null()) return review;
  if (!response->is_object()) {
    return Unlike(
        fmt::format("json: cannot unmarshal {} into Go struct field {}.response of type "
                    "{}.{}",
                    GoFound(*response), type.kind, type.version, type.response));
  }
  for (const ResponseField& field : type.fields) {
    const auto found = response->find(field.name);
    if (found != response->end()) TRY(CheckField(*found, field, type));
  }
  return review;
}

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
  if (!content_type.empty()) {
    if (const auto fault = MediaTypeFault(content_type)) return InternalErrorOf(*fault).message;
  }
  if (code < 200 || code > 206) return UnexpectedAnswer(code, content_type, body);
  if (!body.empty()) return std::nullopt;
  return fmt::format("0-length response with status code: {} and content type: {}", code,
                     content_type.empty() ? "application/json" : content_type);
}

std::string UnexpectedAnswer(int code, std::string_view content_type, std::string_view body) {
  if (auto said = StatusMessage(body)) return std::string(BeginningOf(*said));
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
