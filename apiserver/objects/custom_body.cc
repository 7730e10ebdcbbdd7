#include "apiserver/objects/custom_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/repeated_keys.h"
#include "api/crd/custom_kind.h"
#include "api/crd/documents.h"
#include "api/patch/patch.h"
#include "api/text/yaml.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/body.h"
#include "apiserver/request/media.h"
#include "base/hash.h"

namespace skiff {
namespace {

constexpr size_t kSummaryMax = 30;

Error UnreadableObject(const KindInfo& kind, const std::string& why, const std::string& body) {
  std::string shown = body.empty() ? "<empty>" : body.substr(0, kSummaryMax);
  if (!body.empty() && body[0] != '{') shown = Hex(shown);
  if (body.size() > kSummaryMax) shown += " ...";
  return {Reason::kBadRequest,
          fmt::format("the object provided is unrecognized (must be of type {}): {} ({})",
                      kind.kind, why, shown)};
}

Error NotHandled(const KindInfo& kind, std::string_view version, const std::string& why) {
  return {Reason::kBadRequest, fmt::format("{} in version {} cannot be handled as a {}: {}",
                                           kind.kind, Quoted(version), kind.kind, why)};
}

// A body as a document, with what is repeated in it.
struct ReadBodyParts {
  Json document;
  std::vector<std::string> json_duplicates;
  std::vector<std::string> yaml_duplicates;
};

Result<ReadBodyParts> ReadDocument(const ApiRequest& request, FieldValidation validation) {
  const KindInfo& kind = *request.kind;
  const http::Request& http = request.http;
  ReadBodyParts parts;
  TRY(CheckBodySize(http));
  const std::string media = BodyMediaType(http.Header("Content-Type"));
  if (media == "application/yaml") {
    auto yaml = ParseSentYaml(http.Body());
    if (!yaml && yaml.error().reason != Reason::kBadRequest) return Fail(yaml.error());
    if (!yaml) return Fail(UnreadableObject(kind, yaml.error().message, http.Body()));
    // It becomes JSON first: what is written as 2.0 is 2.
    parts.document = TRY(ParseJson(DumpJson(yaml->value)));
    parts.yaml_duplicates = std::move(yaml->duplicates);
  } else if (media.empty() || media == "application/json") {
    bool repeats_keys = false;
    auto parsed = ParseJson(http.Body(), repeats_keys);
    if (!parsed) {
      // Its kind could be read, unlike a number further on.
      const auto meta = PeekTypeMeta(http.Body());
      if (meta && !meta->kind.empty()) {
        return Fail(NotHandled(kind, kind.version, parsed.error().message));
      }
      return Fail(UnreadableObject(
          kind, "couldn't get version/kind; json parse error: " + parsed.error().message,
          http.Body()));
    }
    parts.document = std::move(*parsed);
    if (repeats_keys && validation != FieldValidation::kIgnore) {
      parts.json_duplicates = FindDuplicates(http.Body());
    }
  } else {
    // kube-apiserver names protobuf as well, which it cannot read here either.
    return Fail(Reason::kUnsupportedMediaType,
                "the body of the request was in an unknown format - accepted media types include: "
                "application/json, application/yaml, application/vnd.kubernetes.protobuf");
  }
  if (parts.document.is_object()) return parts;
  const auto peeked = PeekTypeMeta(DumpJson(parts.document));
  const std::string why = peeked ? "Object 'Kind' is missing in '" + http.Body() + "'"
                                 : "couldn't get version/kind; json parse error: " +
                                       peeked.error().message;
  return Fail(UnreadableObject(kind, why, http.Body()));
}

// What a document says of itself, or why it is not the kind's.
Result<> CheckSelf(ApiRequest& request, const Json& document) {
  const KindInfo& kind = *request.kind;
  Json self = Json::object();
  for (const char* name : {"kind", "apiVersion"}) {
    if (const auto found = document.find(name); found != document.end()) self[name] = *found;
  }
  if (const auto peeked = PeekTypeMeta(DumpJson(self)); !peeked) {
    return Fail(UnreadableObject(
        kind, "couldn't get version/kind; json parse error: " + peeked.error().message,
        request.http.Body()));
  }
  const auto text = [&](const char* name) {
    const auto found = document.find(name);
    return found != document.end() && found->is_string() ? found->get<std::string>() : "";
  };
  const std::string own_kind = text("kind");
  std::string own_version = text("apiVersion");
  if (own_kind.empty()) {
    return Fail(
        UnreadableObject(kind, fmt::format("Object 'Kind' is missing in '{}'", request.http.Body()),
                         request.http.Body()));
  }
  if (std::count(own_version.begin(), own_version.end(), '/') > 1) {
    return Fail(UnreadableObject(kind, "unexpected GroupVersion string: " + own_version,
                                 request.http.Body()));
  }
  if (self.contains("apiVersion") && self["apiVersion"].is_null()) {
    return Fail(NotHandled(
        kind, "", ".apiVersion accessor error: <nil> is of the type <nil>, expected string"));
  }
  if (own_version.starts_with('/')) own_version.erase(0, 1);  // As Go prints no group.
  if (own_version != kind.api_version) {
    // Of another version nothing is known.
    size_t told = 0;
    for (const auto& [name, value] : document.items()) {
      if (own_version.empty() || told == crd::kUnknownFieldsMax) break;
      if (name == "kind" || name == "apiVersion" || name == "metadata") continue;
      ++told;
      request.warnings.push_back("unknown field \"" + name + "\"");
    }
    return Fail(Reason::kBadRequest,
                fmt::format("the API version in the data ({}) does not match the expected API "
                            "version ({})",
                            own_version, kind.api_version));
  }
  if (own_kind == kind.kind) return {};
  Violations wrong;
  wrong.Invalid(FieldPath("kind"), own_kind, "must be " + std::string(kind.kind));
  const Json metadata = document.value("metadata", Json::object());
  const std::string name =
      metadata.is_object() && metadata.contains("name") && metadata["name"].is_string()
          ? metadata["name"].get<std::string>()
          : "";
  return Fail(wrong.ToError(kind.group, own_kind, name));
}

}  // namespace

size_t ContentBytesMax(size_t metadata_bytes) {
  return kObjectBytesMax - std::min(kObjectBytesMax, metadata_bytes);
}

Result<> CheckDefaults(Object& object, const Object* old) {
  const bool may_lack = old != nullptr && old->lacks_defaults();
  if (object.lacks_defaults() && !may_lack) return Fail(TooLargeWithDefaults());
  object.set_lacks_defaults(may_lack);
  return {};
}

Result<Object> CustomObjectOf(const KindInfo& kind, Json document, FieldValidation validation,
                              std::vector<std::string>& strict_errors) {
  const bool tells = validation != FieldValidation::kIgnore;
  size_t metadata_bytes = 0;
  if (const auto metadata = document.find("metadata"); metadata != document.end()) {
    const std::string text = DumpJson(*metadata);
    metadata_bytes = text.size();
    auto decoded = DecodeJson(meta_v1::ObjectMeta::Describe(), text, validation);
    if (!decoded) return Fail(decoded.error());
    constexpr std::string_view kUnknown = "unknown field \"";
    for (const std::string& error : decoded->strict_errors) {
      if (!error.starts_with(kUnknown)) continue;
      strict_errors.push_back("unknown field \"metadata." + error.substr(kUnknown.size()));
    }
    *metadata = std::move(decoded->document);
  }
  Object object = TRY(Object::FromDocument(kind, std::move(document)));
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  if (runtime == nullptr || runtime->custom == nullptr) return object;
  std::vector<std::string> unknown;
  const bool filled = TRY(runtime->custom->Complete(
      object.content(), ContentBytesMax(metadata_bytes), tells ? &unknown : nullptr));
  object.set_lacks_defaults(!filled);
  for (const std::string& path : unknown) {
    strict_errors.push_back("unknown field \"" + path + "\"");
  }
  return object;
}

Result<Object> AppliedObjectOf(const KindInfo& kind, const Json& document) {
  Object object = TRY(Object::FromDocument(kind, document));
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  if (runtime->custom == nullptr) return object;
  // What keeps unknown fields lets more be applied below it than it keeps there.
  crd::Prune(runtime->custom->own->schema(), object.content(), nullptr);
  // Much of an object that is applied may be its managedFields: they are not measured for nothing.
  if (!crd::LacksDefaults(runtime->custom->own->schema(), object.content())) return object;
  const size_t metadata_bytes = DumpJson(document.value("metadata", Json())).size();
  object.set_lacks_defaults(
      !runtime->custom->FillIn(object.content(), ContentBytesMax(metadata_bytes)));
  return object;
}

Result<Object> DecodeCustomBody(ApiRequest& request, FieldValidation validation) {
  const KindInfo& kind = *request.kind;
  ReadBodyParts parts = TRY(ReadDocument(request, validation));
  TRY(CheckSelf(request, parts.document));
  std::vector<std::string> strict_errors = std::move(parts.json_duplicates);
  auto object = CustomObjectOf(kind, std::move(parts.document), validation, strict_errors);
  if (!object) return Fail(NotHandled(kind, kind.version, object.error().message));
  const auto& duplicates = parts.yaml_duplicates;
  if (validation == FieldValidation::kStrict && !(strict_errors.empty() && duplicates.empty())) {
    std::string all = duplicates.empty() ? "" : "yaml: unmarshal errors:";
    for (const std::string& text : duplicates) all += "\n  " + text;
    for (const std::string& text : strict_errors) all += (all.empty() ? "" : ", ") + text;
    return Fail(NotHandled(kind, kind.version, "strict decoding error: " + all));
  }
  AddStrictWarnings(duplicates, validation, request);
  AddStrictWarnings(strict_errors, validation, request);
  return object;
}

Result<> CheckTakesNew(const KindInfo& kind, const std::string& name) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  if (runtime == nullptr || runtime->custom == nullptr || !runtime->custom->terminating) return {};
  return Fail(Forbidden(GroupResourceOf(kind), name,
                        "create not allowed while custom resource definition is terminating"));
}

}  // namespace skiff
