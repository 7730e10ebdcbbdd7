#include "apiserver/objects/patching.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "api/codec/decode.h"
#include "api/codec/document.h"
#include "api/codec/handed.h"
#include "api/codec/json.h"
#include "api/codec/struct_fields.h"
#include "api/codec/struct_text.h"
#include "api/codec/typed.h"
#include "api/crd/custom_kind.h"
#include "api/kinds/behaviour.h"
#include "api/patch/apply.h"
#include "api/patch/go_conversion.h"
#include "api/patch/managed_fields.h"
#include "api/patch/patch.h"
#include "api/patch/strategic_merge.h"
#include "api/rules/rules.h"
#include "api/text/go_value.h"
#include "api/violations.h"
#include "apiserver/objects/applied_body.h"
#include "apiserver/objects/custom_body.h"
#include "apiserver/objects/kind_versions.h"
#include "apiserver/objects/patch_type.h"
#include "apiserver/objects/patched_kind.h"
#include "apiserver/objects/touched_members.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// The object is the one that the URL names.
Result<> MatchNames(const ApiRequest& request, Object& object) {
  std::string& space = object.metadata().namespace_;
  if (request.kind->namespaced && space.empty()) space = request.info.namespace_name;
  if (request.kind->namespaced && space != request.info.namespace_name) {
    return Fail(Reason::kBadRequest,
                "the namespace of the provided object does not match the namespace sent on the "
                "request");
  }
  return MatchName(object.metadata().name, request.info.name);
}

// A 500 without a reason.
tl::unexpected<Error> UntoldError(std::string message) {
  Error error{.reason = Reason::kUnknown, .message = std::move(message)};
  error.http_code = 500;
  return Fail(std::move(error));
}

Result<Object> ApplyTo(const Patcher& patcher, const Json& live) {
  ApiRequest& request = patcher.request;
  const KindInfo& kind = *request.kind;
  const AppliedBody read = TRY(ReadConfiguration(request, kind));
  const Json& configuration = read.document;
  const std::string manager = patcher.options.field_manager;
  const KindVersions versions(kind);
  const Json merged =
      TRY(ApplyConfiguration({.kind = kind,
                              .live = live,
                              .configuration = configuration,
                              .writer = {.manager = manager,
                                         .api_version = kind.api_version,
                                         .subresource = patcher.subresource,
                                         .now = patcher.now,
                                         .reset = ResetFieldsOf(kind, patcher.subresource),
                                         .versions = &versions},
                              .force = patcher.options.force}));
  const bool has_struct = kind.type->ops != nullptr;
  Object object =
      TRY(has_struct ? Object::FromDocument(kind, merged) : AppliedObjectOf(kind, merged));
  if (has_struct) {
    const std::string why = InconvertibleText(kind, object.raw());
    if (!why.empty()) {
      return UntoldError(fmt::format("failed to convert to unversioned ({}/{}; {}, Kind={}): {}",
                                     object.metadata().namespace_, object.metadata().name,
                                     kind.api_version, kind.kind, why));
    }
  }
  TRY(ReportDuplicates(read.duplicates, request, patcher.options));
  TRY(MatchNames(request, object));
  // Only a version that the configuration itself names is a precondition.
  object.metadata().resource_version =
      TextAt(configuration.value("metadata", Json::object()), "resourceVersion");
  return object;
}

struct FitParts {
  ApiRequest& request;
  const WriteOptions& options;
  const PatchedKind& kind;
  // Takes the patched text for the object.
  std::function<Result<TextNotes>(std::string_view json)> read;
  // Strategic patches are converted from Go maps, the others decoded from text: errors differ.
  bool from_map = false;
  RawTexts raw = {};  // Of the object before.
  // Why Go cannot convert what was read; "": it can.
  std::function<std::string()> inconvertible = [] { return std::string(); };
};

// As Go's encoder has it, which expects to be read as HTML.
std::string EscapedForHtml(std::string_view json) {
  std::string text;
  for (const char c : json) {
    if (c == '<') text += "\\u003c";
    if (c == '>') text += "\\u003e";
    if (c == '&') text += "\\u0026";
    if (c != '<' && c != '>' && c != '&') text += c;
  }
  return text;
}

// Of a part that is kept as text. What comes from a map has all its keys sorted; else that stays as
// it was where the patch does not go.
std::string PatchedRaw(const FitParts& parts, const std::string& before, const Json* touched,
                       const Json& patched) {
  if (!parts.from_map) return PatchedRawText(before, touched, patched);
  const std::string text = DumpJson(patched);
  return EscapedForHtml(text) == before ? before : text;
}

std::string PatchedDocument(const FitParts& parts, const Json& touched, const Json& patched) {
  const auto append = [&](const Json& value, std::string& out) {
    return parts.from_map ? AppendJson(value, out) : AppendPatchedJson(value, out);
  };
  std::string text;
  if (parts.raw.empty() || !patched.is_object()) {
    append(patched, text);
    return text;
  }
  text = "{";
  for (const auto& [key, value] : patched.items()) {
    if (text.size() > 1) text += ',';
    AppendJsonString(key, text);
    text += ':';
    const auto raw = parts.raw.find(key);
    const auto part = touched.find(key);
    if (raw == parts.raw.end()) {
      append(value, text);
    } else {
      text += PatchedRaw(parts, raw->second, part == touched.end() ? nullptr : &*part, value);
    }
  }
  return text + "}";
}

// Reads the patched document, of which the patch went into `touched`. `shown` makes the text by
// which an error quotes it; `strict_errors` are those of the patch itself.
Result<TextNotes> Fit(const FitParts& parts, const Json& touched, const Json& patched,
                      const std::function<std::string()>& shown,
                      std::vector<std::string> strict_errors) {
  const FieldValidation validation = parts.options.validation;
  // What a strategic patch makes of the names of the kind is not looked at.
  if (!parts.from_map) TRY(CheckKindKept(parts.kind, parts.request.info.name, patched, shown));
  auto notes = parts.read(PatchedDocument(parts, touched, patched));
  if (!notes && parts.from_map) {
    Json converted = patched;
    if (const auto fits = ConvertAsGo(parts.kind.type, converted); !fits) {
      return Fail(UnfitPatch(shown(), fits.error().message));
    }
    notes = parts.read(PatchedDocument(parts, touched, converted));
    if (!notes) return Fail(UnfitPatch(shown(), ConversionError(notes.error().message)));
  }
  if (!notes) return Fail(UnfitPatch(shown(), notes.error().message));
  const std::string inconvertible = parts.inconvertible();
  if (!inconvertible.empty() && !parts.from_map) return Fail(UnfitPatch(shown(), inconvertible));
  for (std::string& text : notes->strict_errors) strict_errors.push_back(std::move(text));
  if (validation == FieldValidation::kStrict && !strict_errors.empty()) {
    std::string all;
    for (const std::string& text : strict_errors) all += (all.empty() ? "" : ", ") + text;
    return Fail(UnfitPatch(shown(), "strict decoding error: " + all));
  }
  if (validation == FieldValidation::kWarn) {
    for (std::string& text : strict_errors) parts.request.warnings.push_back(std::move(text));
  }
  if (!inconvertible.empty()) return UntoldError(inconvertible);
  return std::move(*notes);
}

// The fields of a struct that are kept as text.
std::vector<const Field*> RawFields(const Type& type) {
  std::vector<const Field*> raw;
  for (const Field& field : type.fields) {
    if (field.type->shape == Shape::kJson && !field.pointer) raw.push_back(&field);
  }
  return raw;
}

const RawJson& RawOf(const Field& field, const void* object) {
  return *reinterpret_cast<const RawJson*>(static_cast<const char*>(object) + field.offset);
}

constexpr std::string_view kRejected =
    "the server rejected our request due to an error in our request";

// Which operation failed, and why, is not told.
Error RejectedPatch() {
  Error error{.reason = Reason::kInvalid, .message = std::string(kRejected)};
  error.details.emplace();
  return error;
}

// Whether an error of a patch of some members says nothing of them: it is that of a patch of all.
bool ShowsNothing(const Error& error) {
  return error.message == kRejected;
}

// Not for apply.
Result<TextNotes> ApplyPatch(const FitParts& parts, const Json& document) {
  const Type& type = parts.kind.type;
  const std::string media = PatchMediaType(parts.request);
  const std::string& body = parts.request.http.Body();
  if (media == kJsonPatch) {
    JsonPatch patch =
        TRY(ParseJsonPatch(body, parts.options.validation != FieldValidation::kIgnore));
    const auto applied = ApplyJsonPatch(patch, document);
    if (!applied) return Fail(RejectedPatch());
    const Json& patched = *applied;
    const Json touched = TouchedBy(patch);
    const auto shown = [&] { return PatchedText(type, touched, patched); };
    return Fit(parts, touched, patched, shown, std::move(patch.strict_errors));
  }
  if (media == kMergePatch) {
    MergePatch patch = TRY(ParseMergePatch(body));
    const Json patched = ApplyMergePatch(patch.patch, document);
    const auto shown = [&] { return PatchedText(type, patch.patch, patched); };
    return Fit(parts, patch.patch, patched, shown, std::move(patch.strict_errors));
  }
  MergePatch patch = TRY(ParseStrategicPatch(body));
  const Json patched = TRY(ApplyStrategicPatch(type, document, patch.patch));
  const auto shown = [&] { return GoPlain(patch.patch); };
  return Fit(parts, patch.patch, patched, shown, std::move(patch.strict_errors));
}

// A custom resource has no struct: it is read as a document.
Result<Object> PatchCustomDocument(const Patcher& patcher, const KindInfo& kind,
                                   const Json& document) {
  const PatchedKind patched{crd::WholeType(kind), kind.api_version, kind.kind};
  Object object(kind);
  const auto read = [&](std::string_view json) -> Result<TextNotes> {
    TextNotes notes;
    object = TRY(CustomObjectOf(kind, TRY(ParseJson(json)), patcher.options.validation,
                                notes.strict_errors));
    return notes;
  };
  const bool from_map = PatchMediaType(patcher.request) == kStrategicPatch;
  TRY(ApplyPatch({patcher.request, patcher.options, patched, read, from_map}, document));
  return object;
}

Result<Object> PatchCustom(const Patcher& patcher, const Object& old) {
  const KindInfo& kind = old.kind();
  if (!MayNameOwners(patcher.request)) {
    Json document = old.content();
    document["apiVersion"] = kind.api_version;
    document["kind"] = kind.kind;
    meta_v1::ObjectMeta metadata = old.metadata();
    auto owners = std::exchange(metadata.managed_fields, {});
    document["metadata"] = ToJson(metadata);
    const size_t warnings = patcher.request.warnings.size();
    auto object = PatchCustomDocument(patcher, kind, document);
    if (object) object->metadata().managed_fields = std::move(owners);
    if (object || ShowsNothing(object.error())) return object;
    patcher.request.warnings.resize(warnings);  // An error may show what was left out.
  }
  return PatchCustomDocument(patcher, kind, old.ToDocument());
}

}  // namespace

std::string InconvertibleText(const KindInfo& kind, const void* object) {
  const auto inconvertible = kind.behaviour->rules->inconvertible;
  return inconvertible == nullptr ? "" : inconvertible(object);
}

Result<TextNotes> PatchInto(ApiRequest& request, const WriteOptions& options,
                            const PatchedKind& kind, const Json& document, void* object,
                            const RawTexts& raw) {
  const auto read = [&](std::string_view json) {
    return DecodeStruct(kind.type, json, options.validation, object);
  };
  const auto inconvertible = [&] {
    return kind.inconvertible == nullptr ? std::string() : kind.inconvertible(object);
  };
  const bool from_map = PatchMediaType(request) == kStrategicPatch;
  return ApplyPatch({request, options, kind, read, from_map, raw, inconvertible}, document);
}

namespace {

Result<Object> PatchMembers(const Patcher& patcher, const Object& old, const Json& document,
                            Object object) {
  const KindInfo& kind = old.kind();
  RawTexts raw;
  for (const Field* field : RawFields(*kind.type)) {
    raw.emplace(field->name, RawOf(*field, old.raw()).Text());
  }
  TextNotes notes = TRY(PatchInto(patcher.request, patcher.options,
                                  {*kind.type, kind.api_version, kind.kind,
                                   kind.behaviour->rules->inconvertible},
                                  document, object.raw(), raw));
  object.empty_lists() = std::move(notes.empty_lists);
  return object;
}

// Of most objects a patch goes into one member: only that becomes a document, and is read again.
Result<Object> PatchStruct(const Patcher& patcher, const Object& old) {
  const KindInfo& kind = old.kind();
  const auto patch_whole = [&] {
    return PatchMembers(patcher, old, old.ToDocument(), Object(kind));
  };
  if (MayNameOwners(patcher.request)) return patch_whole();
  const StructMembers touched = TouchedMembers(*kind.type, patcher.request);
  Object object = old.Clone();
  auto owners = std::exchange(object.metadata().managed_fields, {});
  const Json document = DocumentOfMembers(object, touched);
  ClearMembers(touched, object);
  auto patched = PatchMembers(patcher, old, document, std::move(object));
  if (!patched && ShowsNothing(patched.error())) return patched;
  if (!patched) return patch_whole();  // An error may show what was left out.
  patched->metadata().managed_fields = std::move(owners);
  return patched;
}

}  // namespace

void KeepRawTexts(const Object& from, Object& to) {
  if (from.is_custom() || to.is_custom() || from.kind().type != to.kind().type) return;
  for (const Field* field : RawFields(*to.kind().type)) {
    const RawJson& kept = RawOf(*field, from.raw());
    auto& now = const_cast<RawJson&>(RawOf(*field, to.raw()));
    if (now != kept && now.Parse() == kept.Parse()) now = kept;
  }
}

namespace {

// What a part of this process knows its patch to make of that very version; nullopt: it has to be
// applied.
Result<std::optional<Object>> AlreadyPatched(const Patcher& patcher, const Object& old) {
  const auto* patch = dynamic_cast<const HandedPatch*>(patcher.request.http.handed.get());
  if (patch == nullptr || old.is_custom()) return std::nullopt;
  const std::string& version = old.metadata().resource_version;
  if (const auto* member = patch->MemberChangedFrom(*old.kind().type, version)) {
    const StructPtr value = TRY(CopyAsRead(member->type, member->value.get()));
    Object object = old.Clone();
    member->put(object.raw(), value.get());
    return std::optional<Object>(std::move(object));
  }
  const void* changed = patch->ChangedFrom(*old.kind().type, version);
  if (changed == nullptr) return std::nullopt;
  Object object = TRY(Object::FromStruct(old.kind(), changed));
  object.metadata().managed_fields = old.metadata().managed_fields;
  return std::optional<Object>(std::move(object));
}

}  // namespace

Result<Object> Patcher::Apply(const Object& old) const {
  if (IsApply(request)) {
    Object object = TRY(ApplyTo(*this, old.ToDocument()));
    KeepRawTexts(old, object);
    return object;
  }
  std::optional<Object> known = TRY(AlreadyPatched(*this, old));
  const bool was_known = known.has_value();
  Object object = was_known ? std::move(*known) : old.is_custom() ? TRY(PatchCustom(*this, old))
                                    : TRY(PatchStruct(*this, old));
  TRY(MatchNames(request, object));
  // Only a version that the patch itself names is a precondition.
  std::string& version = object.metadata().resource_version;
  const bool unconditional = object.kind().behaviour->rules->allow_unconditional_update;
  if (version.empty() && !unconditional && !was_known) {
    return Fail(NoVersionError(object.kind(), request.info.name));
  }
  if (version == old.metadata().resource_version) version.clear();
  return object;
}

Result<Object> Patcher::Make() const {
  Object object = TRY(ApplyTo(*this, ZeroDocument(crd::WholeType(*request.kind))));
  object.metadata().resource_version.clear();  // No precondition where nothing is.
  const std::string& name = object.metadata().name;
  if (!object.metadata().uid.empty()) {
    return Fail(ConflictError(GroupResourceOf(*request.kind), name,
                              "uid mismatch: the provided object specified uid " +
                                  object.metadata().uid + ", and no existing object was found"));
  }
  return object;
}

}  // namespace skiff
