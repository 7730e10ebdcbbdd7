#include "apiserver/request/body.h"

#include <fmt/format.h>

#include <span>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "api/text/group_version.h"
#include "api/text/yaml.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/media.h"
#include "apiserver/request/resources.h"
#include "base/hash.h"

namespace skiff {
namespace {

constexpr size_t kSummaryBytesMax = 30;

// How an error shows a body that could not be read.
std::string Summary(std::string_view body) {
  if (body.empty()) return "<empty>";
  std::string text(body.substr(0, kSummaryBytesMax));
  if (body[0] != '{') text = Hex(text);
  if (body.size() > kSummaryBytesMax) text += " ...";
  return text;
}

Error Unrecognized(std::string_view what, std::string_view why, std::string_view body) {
  return {Reason::kBadRequest, fmt::format("the object provided is unrecognized (must be of type "
                                           "{}): {} ({})",
                                           what, why, Summary(body))};
}

Error CannotBe(const TypeMeta& meta, const WantedType& wanted, std::string_view why) {
  return {Reason::kBadRequest,
          fmt::format("{} in version {} cannot be handled as a {}: {}", meta.kind,
                      Quoted(VersionPart(meta.api_version)), wanted.kind, why)};
}

// Go's name of the package of internal types: the first word of the group.
std::string InternalPackage(std::string_view group) {
  if (group.empty()) return "core";
  return std::string(group.substr(0, group.find('.')));
}

bool IsKnownKind(const TypeMeta& meta) {
  std::string_view kind = meta.kind;
  if (kind == "List" && meta.api_version == "v1") return true;
  if (FindBuiltInType(meta.api_version, kind) != nullptr) return true;
  if (!kind.ends_with("List")) return false;
  kind.remove_suffix(4);
  return FindBuiltInType(meta.api_version, kind) != nullptr;
}

// Refuses a body that says it is something else.
Result<> CheckType(TypeMeta& meta, const WantedType& wanted, std::string_view json) {
  const std::string own_version = wanted.group.empty()
                                      ? std::string(wanted.version)
                                      : fmt::format("{}/{}", wanted.group, wanted.version);
  if (meta.kind.empty()) meta.kind = wanted.kind;
  if (meta.api_version.empty()) meta.api_version = own_version;
  const bool is_own = meta.kind == wanted.kind && meta.api_version == own_version;
  if (!is_own && wanted.is_alone) {
    return Fail(NothingElseRegistered(wanted));
  }
  if (std::count(meta.api_version.begin(), meta.api_version.end(), '/') > 1) {
    return Fail(
        Unrecognized(wanted.kind, "unexpected GroupVersion string: " + meta.api_version, json));
  }
  if (is_own) return {};
  if (meta.kind == wanted.kind && !wanted.old_version.empty() &&
      meta.api_version == fmt::format("{}/{}", wanted.group, wanted.old_version)) {
    meta.api_version = own_version;
    return {};
  }
  if (meta.kind == wanted.kind && ServesKindIn(meta.api_version, meta.kind)) {
    return Fail(Reason::kBadRequest,
                fmt::format("the API version in the data ({}) does not match the expected API "
                            "version ({})",
                            meta.api_version, own_version));
  }
  if (!IsKnownKind(meta)) {
    return Fail(CannotBe(meta, wanted, NoKindRegistered(meta, kLegacyScheme)));
  }
  return Fail(CannotBe(
      meta, wanted,
      fmt::format("converting ({}.{}) to ({}.{}): unknown conversion",
                  VersionPart(meta.api_version), meta.kind, InternalPackage(wanted.group),
                  wanted.kind)));
}

}  // namespace

Error NothingElseRegistered(const WantedType& wanted) {
  return {Reason::kBadRequest, fmt::format("no kind is registered for the type {}.{} in scheme {}",
                                           wanted.version, wanted.kind, Quoted(kRuntimeScheme))};
}

Result<> CheckBodySize(const http::Request& request) {
  if (!request.body_too_large) return {};
  return Fail(Reason::kRequestEntityTooLarge, "Request entity too large: limit is 3145728");
}

Result<std::string> BodyAsJson(const http::Request& request, std::string_view what) {
  TRY(CheckBodySize(request));
  const std::string media = BodyMediaType(request.Header("Content-Type"));
  if (media.empty() || media == "application/json") return request.Body();
  if (media == "application/yaml") {
    const auto yaml = ParseSentYaml(request.Body());
    if (!yaml && yaml.error().reason != Reason::kBadRequest) return Fail(yaml.error());
    if (!yaml) {
      return Fail(Unrecognized(what, yaml.error().message, request.Body()));
    }
    return DumpJson(yaml->value);
  }
  return Fail(Reason::kUnsupportedMediaType,
              "the body of the request was in an unknown format - accepted media types include: "
              "application/json, application/yaml, application/vnd.kubernetes.protobuf");
}

namespace {

constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";

// A body as JSON text.
struct JsonBody {
  std::string_view json;
  std::string_view sent;  // What errors show.
  // The keys that the YAML repeats which the text was made of, if it was made of some.
  std::span<const std::string> yaml_duplicates = {};
};

bool IsOf(const WantedType& wanted, const TypeMeta& meta) {
  if (!meta.kind.empty() && meta.kind != wanted.kind) return false;
  std::string_view version = meta.api_version;
  if (version.empty()) return true;
  if (!wanted.group.empty()) {
    if (!version.starts_with(wanted.group)) return false;
    version.remove_prefix(wanted.group.size());
    if (!version.starts_with('/')) return false;
    version.remove_prefix(1);
  }
  return version == wanted.version;
}

// `decoded` is what the text was decoded into, or why it could not be. What the text says it is
// matters more, and is looked at by itself where it is not what was wanted.
Result<TextNotes> Judge(Result<TextNotes> decoded, const JsonBody& body, const WantedType& wanted,
                        FieldValidation validation) {
  TypeMeta meta;
  if (!decoded || !IsOf(wanted, decoded->meta)) {
    auto peeked = PeekTypeMeta(body.json);
    if (!peeked) {
      return Fail(Unrecognized(wanted.kind,
                               "couldn't get version/kind; json parse error: " +
                                   peeked.error().message,
                               body.sent));
    }
    meta = std::move(*peeked);
  }
  TRY(CheckType(meta, wanted, body.sent));
  if (!decoded) return Fail(CannotBe(meta, wanted, decoded.error().message));
  auto& strict_errors = decoded->strict_errors;
  const auto& duplicates = body.yaml_duplicates;
  if (validation == FieldValidation::kStrict && !(strict_errors.empty() && duplicates.empty())) {
    std::string all = duplicates.empty() ? "" : "yaml: unmarshal errors:";
    for (const std::string& text : duplicates) all += "\n  " + text;
    for (const std::string& text : strict_errors) {
      if (!all.empty()) all += ", ";
      all += text;
    }
    return Fail(CannotBe(meta, wanted, "strict decoding error: " + all));
  }
  if (validation == FieldValidation::kWarn) {
    strict_errors.insert(strict_errors.begin(), duplicates.begin(), duplicates.end());
  }
  return decoded;
}

// The body as JSON, whatever its media type but protobuf, handed to `decode(JsonBody)`.
template <typename Decode>
auto WithJson(const http::Request& request, const WantedType& wanted, const Decode& decode)
    -> decltype(decode(JsonBody())) {
  const std::string media = BodyMediaType(request.Header("Content-Type"));
  if (media == "application/yaml" && !request.body_too_large) {
    const auto yaml = ParseSentYaml(request.Body());
    if (!yaml && yaml.error().reason != Reason::kBadRequest) return Fail(yaml.error());
    if (!yaml) return Fail(Unrecognized(wanted.kind, yaml.error().message, request.Body()));
    const std::string json = DumpJson(yaml->value);
    return decode(JsonBody{json, request.Body(), yaml->duplicates});
  }
  if (media.empty() || media == "application/json") {
    if (!request.body_too_large) return decode(JsonBody{request.Body(), request.Body()});
  }
  const std::string json = TRY(BodyAsJson(request, wanted.kind));
  return decode(JsonBody{json, json});
}

bool IsProtobuf(const http::Request& request) {
  return BodyMediaType(request.Header("Content-Type")) == kProtobuf && !request.body_too_large;
}

Result<> DecodeProtobufBody(std::string_view body, const WantedType& wanted, void* object) {
  auto envelope = OpenEnvelope(body);
  if (!envelope) return Fail(Unrecognized(wanted.kind, envelope.error().message, body));
  TypeMeta& meta = envelope->type;
  TRY(CheckType(meta, wanted, body));
  const auto decoded = DecodeProtobufInto(*wanted.type, envelope->raw, object);
  if (!decoded) return Fail(CannotBe(meta, wanted, decoded.error().message));
  return {};
}

}  // namespace

Error CannotBeHandled(const WantedType& wanted, std::string_view why) {
  return CannotBe({.api_version = std::string(wanted.version), .kind = std::string(wanted.kind)},
                  wanted, why);
}

void AddStrictWarnings(const std::vector<std::string>& strict_errors, FieldValidation validation,
                       ApiRequest& request) {
  if (validation != FieldValidation::kWarn) return;
  for (const std::string& text : strict_errors) request.warnings.push_back(text);
}

Result<TextNotes> DecodeBodyInto(const http::Request& request, const WantedType& wanted,
                                 FieldValidation validation, void* object) {
  if (IsProtobuf(request)) {
    TRY(DecodeProtobufBody(request.Body(), wanted, object));
    return TextNotes{};
  }
  return WithJson(request, wanted, [&](const JsonBody& body) {
    return Judge(DecodeStruct(*wanted.type, body.json, validation, object), body, wanted,
                 validation);
  });
}

Result<Json> DecodeDeleteOptions(const http::Request& request, std::string_view group,
                                 std::string_view version) {
  if (IsProtobuf(request)) {
    const auto envelope = TRY(OpenEnvelope(request.Body()));
    if (envelope.type.kind != "DeleteOptions") {
      return Fail(Reason::kBadRequest, "decoded object cannot be converted to DeleteOptions");
    }
    return DecodeProtobuf(meta_v1::DeleteOptions::Describe(), envelope.raw);
  }
  const std::string json = TRY(BodyAsJson(request, "DeleteOptions"));
  const auto meta = PeekTypeMeta(json);
  if (!meta) {
    return Fail(Reason::kBadRequest,
                "couldn't get version/kind; json parse error: " + meta.error().message);
  }
  const std::string own =
      group.empty() ? std::string(version) : fmt::format("{}/{}", group, version);
  const bool own_version =
      meta->api_version.empty() || meta->api_version == own ||
      meta->api_version == "meta.k8s.io/v1" || meta->api_version == "v1" ||
      GroupPart(meta->api_version) == group ||
      IsKnownGroupVersion(GroupPart(meta->api_version), VersionPart(meta->api_version));
  if ((!meta->kind.empty() && meta->kind != "DeleteOptions") || !own_version) {
    const TypeMeta said = {meta->api_version.empty() ? own : meta->api_version,
                           meta->kind.empty() ? "DeleteOptions" : meta->kind};
    return Fail(Reason::kBadRequest,
                NoKindRegistered(said, "pkg/apis/meta/internalversion/scheme/register.go:27"));
  }
  const auto decoded =
      DecodeJson(meta_v1::DeleteOptions::Describe(), json, FieldValidation::kIgnore);
  if (!decoded) return Fail(Reason::kBadRequest, decoded.error().message);
  return decoded->document;
}

}  // namespace skiff
