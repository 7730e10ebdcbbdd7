#include "apiserver/objects/patching.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "api/codec/decode.h"
#include "api/codec/decode_targets.h"
#include "api/codec/document.h"
#include "api/codec/go_equal.h"
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
#include "api/text/yaml.h"
#include "api/violations.h"
#include "apiserver/objects/custom_body.h"
#include "apiserver/objects/kind_versions.h"
#include "apiserver/objects/patched_kind.h"
#include "apiserver/request/api_errors.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr std::string_view kJsonPatch = "application/json-patch+json";
constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kStrategicPatch = "application/strategic-merge-patch+json";
constexpr std::string_view kApplyYaml = "application/apply-patch+yaml";

// As it is written: another case is another type.
std::string PatchType(const ApiRequest& request) {
  const std::string_view header = request.http.Header("Content-Type");
  return std::string(WithoutBlanks(header.substr(0, header.find(';'))));
}

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
  const std::string media = PatchType(parts.request);
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

// The member of the object that a path of a JSON patch leads into: "status" of
// "/status/conditions/-"; "" where that may be all of it, or all of its metadata.
std::string_view MemberNamedBy(std::string_view path) {
  if (!path.starts_with('/') || path.find('~') != path.npos) return "";
  path.remove_prefix(1);
  const size_t end = path.find('/');
  return end == path.npos && path == "metadata" ? "" : path.substr(0, end);
}

// Those that a JSON patch goes into or looks at; empty where that cannot be told.
std::set<std::string, std::less<>> MembersNamedBy(std::string_view json_patch) {
  std::set<std::string, std::less<>> names;
  const auto patch = ParseJsonPatch(json_patch, false);
  if (!patch) return {};
  for (const PatchOperation& operation : patch->operations) {
    const bool has_from = operation.op == "move" || operation.op == "copy";
    for (const std::string* path : {&operation.path, has_from ? &operation.from : nullptr}) {
      if (path == nullptr) continue;
      const std::string_view name = MemberNamedBy(*path);
      if (name.empty()) return {};
      names.emplace(name);
    }
  }
  return names;
}

// Whether a patch may change the account of who owns which field: few do, and to make it a document
// and read it again costs more than the rest. A name can be escaped.
bool MayNameOwners(const ApiRequest& request) {
  const std::string& body = request.http.Body();
  return body.find("managedFields") != body.npos || body.find("\\u") != body.npos ||
         (PatchType(request) == kJsonPatch && MembersNamedBy(body).empty());
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
  const bool from_map = PatchType(patcher.request) == kStrategicPatch;
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

// Each number as Go has it once YAML has become JSON: 1.0 is 1.
void RereadNumbers(Json& value) {
  if (value.is_structured()) {
    for (Json& each : value) RereadNumbers(each);
  } else if (value.is_number() && !IsGoInt(value)) {
    value = JsonNumber(DumpJson(value));
  }
}

}  // namespace

Result<> ReportDuplicates(const std::vector<std::string>& duplicates, ApiRequest& request,
                          const WriteOptions& options) {
  if (duplicates.empty() || options.validation == FieldValidation::kIgnore) return {};
  if (options.validation == FieldValidation::kWarn) {
    request.warnings.insert(request.warnings.end(), duplicates.begin(), duplicates.end());
    return {};
  }
  std::string all;
  for (const std::string& text : duplicates) all += "\n  " + text;
  return Fail(Reason::kBadRequest,
              "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal "
              "errors:" +
                  all);
}

Result<AppliedBody> ReadConfiguration(const ApiRequest& request, const KindInfo& kind) {
  auto yaml = ParseSentYaml(request.http.Body());
  if (!yaml && yaml.error().reason != Reason::kBadRequest) return Fail(yaml.error());
  if (!yaml) {
    return Fail(Reason::kBadRequest,
                "error decoding YAML: error converting YAML to JSON: " + yaml.error().message);
  }
  if (yaml->value.is_null()) yaml->value = Json::object();
  if (!yaml->value.is_object()) {
    return Fail(Reason::kBadRequest,
                fmt::format("error decoding YAML: error unmarshaling JSON: while decoding JSON: "
                            "json: cannot unmarshal {} into Go value of type map[string]interface "
                            "{{}}",
                            GoFound(yaml->value)));
  }
  const std::string version = TextAt(yaml->value, "apiVersion");
  const std::string kind_name = TextAt(yaml->value, "kind");
  if (version != kind.api_version || kind_name != kind.kind) {
    const size_t slash = version.find('/');
    const std::string shown = slash == std::string::npos ? "/" + version : version;
    return Fail(Reason::kBadRequest, "invalid object type: " + shown + ", Kind=" + kind_name);
  }
  RereadNumbers(yaml->value);
  return AppliedBody{std::move(yaml->value), std::move(yaml->duplicates)};
}

Result<> CheckPatchType(const ApiRequest& request) {
  const std::string type = PatchType(request);
  if (type == kJsonPatch || type == kMergePatch || type == kApplyYaml) return {};
  const bool custom = request.kind->type->ops == nullptr;
  if (type == kStrategicPatch && !custom) return {};
  if (custom) {
    return Fail(Reason::kUnsupportedMediaType,
                "the body of the request was in an unknown format - accepted media types include: "
                "application/json-patch+json, application/merge-patch+json, "
                "application/apply-patch+yaml");
  }
  Error error{Reason::kUnsupportedMediaType, "415: Unsupported Media Type"};
  error.details.emplace();
  return Fail(std::move(error));
}

std::string InconvertibleText(const KindInfo& kind, const void* object) {
  const auto inconvertible = kind.behaviour->rules->inconvertible;
  return inconvertible == nullptr ? "" : inconvertible(object);
}

bool IsApply(const ApiRequest& request) {
  return PatchType(request) == kApplyYaml;
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
  const bool from_map = PatchType(request) == kStrategicPatch;
  return ApplyPatch({request, options, kind, read, from_map, raw, inconvertible}, document);
}

namespace {

// Whether a value of the type may have a part that is kept as text.
bool MayHoldRaw(const Type& type, std::set<const Type*>& seen) {
  if (type.shape == Shape::kJson) return true;
  if (!seen.insert(&type).second) return false;
  if (type.element != nullptr) return MayHoldRaw(*type.element, seen);
  return std::any_of(type.fields.begin(), type.fields.end(),
                     [&](const Field& field) { return MayHoldRaw(*field.type, seen); });
}

// The same of an object of that built-in kind, its metadata aside.
bool HasRawParts(const Type& type) {
  static const std::set<const Type*> kHaveThem = [] {
    std::set<const Type*> types;
    for (const KindInfo* kind : BuiltInKinds()) {
      std::set<const Type*> seen;
      const bool has = std::ranges::any_of(kind->type->fields, [&](const Field& field) {
        return field.name != "metadata" && MayHoldRaw(*field.type, seen);
      });
      if (has) types.insert(kind->type);
    }
    return types;
  }();
  return kHaveThem.contains(&type);
}

using Members = std::vector<const Field*>;

// The keys of a merge; empty where it is none.
std::set<std::string, std::less<>> KeysOf(std::string_view merge) {
  std::set<std::string, std::less<>> keys;
  JsonReader in(merge);
  if (in.Next() != JsonToken::kObject) return {};
  std::string_view key;
  while (in.NextKey(key)) {
    keys.emplace(key);
    in.Skip();
  }
  return in.failed() ? std::set<std::string, std::less<>>() : keys;
}

// Those that a patch goes into; all, where that cannot be told by its names, or where it puts parts
// that it does not go into in order, as a strategic one does.
Members TouchedMembers(const Type& type, const ApiRequest& request) {
  Members all, touched;
  for (const Field& field : type.fields) all.push_back(&field);
  const std::string media = PatchType(request);
  if (media == kStrategicPatch && HasRawParts(type)) return all;
  const std::string& body = request.http.Body();
  const auto names = media == kJsonPatch ? MembersNamedBy(body) : KeysOf(body);
  if (names.empty()) return all;
  for (const std::string& name : names) {
    const Field* field = type.Find(name);
    if (field == nullptr && name != "kind" && name != "apiVersion") return all;  // "$patch"
    if (field != nullptr) touched.push_back(field);
  }
  return touched;
}

// What the kind is, and these members.
Json DocumentOfMembers(const Object& object, const Members& members) {
  Json document = {{"apiVersion", object.kind().api_version}, {"kind", object.kind().kind}};
  for (const Field* field : members) {
    const ShownField shown = Show(*field, object.raw());
    if (shown.is_left_out) continue;
    Json& member = document[std::string(field->name)];
    if (shown.value != nullptr) member = ValueToJson(*field->type, shown.value);
  }
  return document;
}

void ClearMembers(const Members& members, Object& object) {
  for (const Field* field : members) {
    void* const place = MemberOf(object.raw(), *field);
    if (field->pointer) {
      field->pointer_ops->reset(place);
    } else {
      StructTarget::Clear(*field->type, place);
    }
  }
}

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
  const Members touched = TouchedMembers(*kind.type, patcher.request);
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
