#include "apiserver/objects/custom_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/decode.h"
#include "api/codec/document.h"
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

// `own_kind` and `version` are what the body says of itself.
Error NotHandled(const KindInfo& kind, std::string_view own_kind, std::string_view version,
                 const std::string& why) {
  return {Reason::kBadRequest, fmt::format("{} in version {} cannot be handled as a {}: {}",
                                           own_kind, Quoted(version), kind.kind, why)};
}
Error NotHandled(const KindInfo& kind, std::string_view version, const std::string& why) {
  return NotHandled(kind, kind.kind, version, why);
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
  const auto peeked = TypeMetaOf(parts.document);
  const std::string why = peeked ? "Object 'Kind' is missing in '" + http.Body() + "'"
                                 : "couldn't get version/kind; json parse error: " +
                                       peeked.error().message;
  return Fail(UnreadableObject(kind, why, http.Body()));
}

// What a document says of itself; fails where that cannot be read.
Result<TypeMeta> MetaOfBody(const ApiRequest& request, const Json& document) {
  const KindInfo& kind = *request.kind;
  auto meta = TypeMetaOf(document);
  if (!meta) {
    return Fail(UnreadableObject(
        kind, "couldn't get version/kind; json parse error: " + meta.error().message,
        request.http.Body()));
  }
  if (meta->kind.empty()) {
    return Fail(
        UnreadableObject(kind, fmt::format("Object 'Kind' is missing in '{}'", request.http.Body()),
                         request.http.Body()));
  }
  if (std::ranges::count(meta->api_version, '/') > 1) {
    return Fail(UnreadableObject(kind, "unexpected GroupVersion string: " + meta->api_version,
                                 request.http.Body()));
  }
  if (const auto found = document.find("apiVersion"); found != document.end() && found->is_null()) {
    return Fail(NotHandled(
        kind, "", ".apiVersion accessor error: <nil> is of the type <nil>, expected string"));
  }
  // As Go prints no group.
  if (meta->api_version.starts_with('/')) meta->api_version.erase(0, 1);
  return meta;
}

// Brings metadata into the form of ObjectMeta. Returns how long its text was.
Result<size_t> ReadMetadata(Json& document, FieldValidation validation,
                            std::vector<std::string>& strict_errors) {
  const auto metadata = document.find("metadata");
  if (metadata == document.end()) return 0;
  const std::string text = DumpJson(*metadata);
  auto decoded = DecodeJson(meta_v1::ObjectMeta::Describe(), text, validation);
  if (!decoded) return Fail(decoded.error());
  constexpr std::string_view kUnknown = "unknown field \"";
  for (const std::string& error : decoded->strict_errors) {
    if (!error.starts_with(kUnknown)) continue;
    strict_errors.push_back("unknown field \"metadata." + error.substr(kUnknown.size()));
  }
  *metadata = std::move(decoded->document);
  return text.size();
}

void AddUnknown(const std::vector<std::string>& paths, std::vector<std::string>& strict_errors) {
  for (const std::string& path : paths) strict_errors.push_back("unknown field \"" + path + "\"");
}

// Prunes the content of a document that says it is of another version or kind: by the schema of
// that version, and of everything where the definition does not have it. Of others' kinds nothing
// is known.
void PruneAsOther(const KindInfo& kind, const TypeMeta& self, Json& content,
                  std::vector<std::string>* unknown) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  const bool is_of_group = self.api_version.starts_with(std::string(kind.group) + "/");
  if (!is_of_group || self.kind != kind.kind || !runtime || !runtime->custom) return;
  const crd::VersionSchemas& versions = *runtime->custom->versions;
  if (const auto version = versions.find(self.api_version); version != versions.end()) {
    crd::Prune(version->second->schema(), content, unknown);
  } else {
    crd::Prune(crd::Schema(), content, unknown);
  }
}

Error NotHandledAs(const KindInfo& kind, const TypeMeta& self, const std::string& why) {
  const std::string_view version = self.api_version;
  return NotHandled(kind, self.kind, version.substr(version.find('/') + 1), why);
}

// Refuses what strict errors there are, or warns of them, as is wanted.
Result<> JudgeStrictly(ApiRequest& request, const TypeMeta& self, FieldValidation validation,
                       const std::vector<std::string>& duplicates,
                       const std::vector<std::string>& strict_errors) {
  if (validation == FieldValidation::kStrict && !(strict_errors.empty() && duplicates.empty())) {
    std::string all = duplicates.empty() ? "" : "yaml: unmarshal errors:";
    for (const std::string& text : duplicates) all += "\n  " + text;
    for (const std::string& text : strict_errors) all += (all.empty() ? "" : ", ") + text;
    return Fail(NotHandledAs(*request.kind, self, "strict decoding error: " + all));
  }
  AddStrictWarnings(duplicates, validation, request);
  AddStrictWarnings(strict_errors, validation, request);
  return {};
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
  const size_t metadata_bytes = TRY(ReadMetadata(document, validation, strict_errors));
  TypeMeta self{.api_version = TextAt(document, "apiVersion"), .kind = TextAt(document, "kind")};
  Object object = TRY(Object::FromDocument(kind, std::move(document)));
  std::vector<std::string> unknown;
  const bool says_other = (!self.kind.empty() && self.kind != kind.kind) ||
                          (!self.api_version.empty() && self.api_version != kind.api_version);
  if (says_other) {
    PruneAsOther(kind, self, object.content(), tells ? &unknown : nullptr);
    object.set_misnamed(std::move(self));
  }
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  if (runtime == nullptr || runtime->custom == nullptr) return object;
  const bool tells_own = tells && !says_other;
  const bool filled = TRY(runtime->custom->Complete(
      object.content(), ContentBytesMax(metadata_bytes), tells_own ? &unknown : nullptr));
  object.set_lacks_defaults(!filled);
  AddUnknown(unknown, strict_errors);
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
  const TypeMeta self = TRY(MetaOfBody(request, parts.document));
  std::vector<std::string> strict_errors = std::move(parts.json_duplicates);
  auto object = CustomObjectOf(kind, std::move(parts.document), validation, strict_errors);
  if (!object) return Fail(NotHandledAs(kind, self, object.error().message));
  TRY(JudgeStrictly(request, self, validation, parts.yaml_duplicates, strict_errors));
  if (self.api_version == kind.api_version) return object;
  return Fail(Reason::kBadRequest,
              fmt::format("the API version in the data ({}) does not match the expected API "
                          "version ({})",
                          self.api_version, kind.api_version));
}

bool HasOwners(const Object& object) {
  const TypeMeta* self = object.misnamed();
  if (self == nullptr) return true;
  const RuntimeKind* runtime = RuntimeKindOf(object.kind());
  return self->kind == object.kind().kind && runtime != nullptr && runtime->custom != nullptr &&
         runtime->custom->versions->contains(self->api_version);
}

Result<> CheckTakesNew(const KindInfo& kind, const std::string& name) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  if (runtime == nullptr || runtime->custom == nullptr || !runtime->custom->terminating) return {};
  return Fail(Forbidden(GroupResourceOf(kind), name,
                        "create not allowed while custom resource definition is terminating"));
}

}  // namespace skiff
