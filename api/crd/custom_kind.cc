#include "api/crd/custom_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/crd/definition.h"
#include "api/crd/documents.h"
#include "api/crd/validate.h"
#include "api/crd/validate_rules.h"
#include "api/openapi/discovery.h"
#include "api/text/go_value.h"
#include "base/at_once.h"

namespace skiff::crd {
namespace {

// Kubernetes' words for an object of a version that its definition does not have.
constexpr std::string_view kUnknownVersion =
    "request to convert CR from an invalid group/version: ";

constexpr std::string_view kObjectVerbs[] = {"delete", "deletecollection", "get",    "list",
                                             "patch",  "create",           "update", "watch"};
// Of kinds whose definition is going: the objects can be looked at and removed.
constexpr std::string_view kLastVerbs[] = {"delete", "deletecollection", "get", "list", "watch"};
constexpr std::string_view kPartVerbs[] = {"get", "patch", "update"};

std::string WithoutDot(std::string path) {
  return path.starts_with('.') ? path.substr(1) : path;
}

bool HasCondition(const Json& definition, std::string_view type) {
  for (const Json& condition : ListAt(definition, "status.conditions")) {
    if (TextAt(condition, "type") == type) return TextAt(condition, "status") == "True";
  }
  return false;
}

// Of the versions that are served and not deprecated, the one to use; "": there is none.
std::string VersionToUse(const Json& spec) {
  std::string best;
  for (const Json& version : ListAt(spec, "versions")) {
    if (!version.value("served", false) || version.value("deprecated", false)) continue;
    std::string candidate = version.value("name", "");
    if (best.empty() || VersionGoesBefore(candidate, best)) best = std::move(candidate);
  }
  return best;
}

// `<group>/<version> <Kind> is deprecated`, and what to use in its place.
std::string DeprecationOf(const Json& spec, const Json& version, const std::string& to_use) {
  if (!version.value("deprecated", false)) return "";
  const std::string own = version.value("deprecationWarning", "");
  if (!own.empty()) return own;
  const std::string group = TextAt(spec, "group"), kind = TextAt(spec, "names.kind");
  const auto named = [&](const std::string& name) { return group + "/" + name + " " + kind; };
  const std::string name = version.value("name", "");
  const std::string text = named(name) + " is deprecated";
  const bool has_better = !to_use.empty() && VersionGoesBefore(to_use, name);
  return has_better ? text + "; use " + named(to_use) : text;
}

// Everything that all versions have in common.
struct Definition {
  const Json& spec;
  const Json& names;  // Accepted.
  std::string stored_version;
  std::string version_to_use;  // In place of deprecated ones.
  std::shared_ptr<VersionSchemas> schemas;
  std::shared_ptr<std::atomic<uint64_t>> defined_at;
  std::shared_ptr<const DefinitionMark> mark;
  ConverterPtr converter;
  std::shared_ptr<std::atomic<bool>> met_others;
  // Where the versions keep the number that scale shows.
  std::shared_ptr<std::map<std::string, std::string, std::less<>>> replicas_paths;
  bool keeps_one_version = true;  // Nothing is stored in another one than now.
  bool terminating = false;
};

// Whether all objects are stored in the version in which they would be stored now.
bool KeepsOneVersion(const Json& definition, std::string_view stored) {
  const auto& versions = ListAt(definition, "status.storedVersions");
  return versions.size() == 1 && versions[0] == stored;
}

std::shared_ptr<std::atomic<uint64_t>> RevisionOf(const Json& definition) {
  uint64_t revision = 0;
  const std::string text = TextAt(definition, "metadata.resourceVersion");
  std::from_chars(text.data(), text.data() + text.size(), revision);
  return std::make_shared<std::atomic<uint64_t>>(revision);
}

void AddSubresources(const Definition& definition, const Json& version, RuntimeKind& kind,
                     CustomKind& custom) {
  std::vector<Subresource> subresources;
  const Json* given = FindPath(version, "subresources");
  if (given != nullptr && given->contains("status")) {
    custom.has_status = true;
    subresources.push_back({"status", kind.api_version, kind.kind, kPartVerbs});
  }
  if (const Json* scale = FindPath(version, "subresources.scale")) {
    custom.scale =
        ScalePaths{WithoutDot(scale->value("specReplicasPath", "")),
                   WithoutDot(scale->value("statusReplicasPath", "")),
                   WithoutDot(scale->value("labelSelectorPath", "")), definition.replicas_paths};
    subresources.push_back({"scale", "autoscaling/v1", "Scale", kPartVerbs});
  }
  kind.subresources = kind.tables.Keep(std::move(subresources));
}

std::vector<std::string> TextsIn(const Json& object, const char* name) {
  std::vector<std::string> texts;
  for (const Json& text : ListAt(object, name)) texts.push_back(text.get<std::string>());
  return texts;
}

void AddNames(const Definition& definition, const Json& version, RuntimeKind& kind) {
  TableArena& tables = kind.tables;
  const Json& names = definition.names;
  kind.group = tables.Keep(TextAt(definition.spec, "group"));
  kind.version = tables.Keep(version.value("name", ""));
  kind.api_version = tables.Keep(std::string(kind.group) + "/" + std::string(kind.version));
  kind.kind = tables.Keep(TextAt(names, "kind"));
  // What the definition is called after, whatever somebody put into its status: a path of another
  // one would be authorized by that one's name.
  kind.resource = tables.Keep(TextAt(definition.spec, "names.plural"));
  kind.singular = tables.Keep(TextAt(names, "singular"));
  kind.namespaced = TextAt(definition.spec, "scope") == "Namespaced";
  kind.short_names = tables.Keep(TextsIn(names, "shortNames"));
  kind.categories = tables.Keep(TextsIn(names, "categories"));
  kind.verbs = kObjectVerbs;
  kind.taken_verbs = kObjectVerbs;
  if (definition.terminating) kind.verbs = kLastVerbs;
  kind.storage_key =
      tables.Keep(std::string(kind.group) + "/" + TextAt(definition.spec, "names.plural"));
  kind.storage_version = tables.Keep(std::string(definition.stored_version));
  std::vector<std::string> fields;
  for (const Json& field : ListAt(version, "selectableFields")) {
    fields.push_back(WithoutDot(field.value("jsonPath", "")));
  }
  kind.selectable_fields = tables.Keep(std::move(fields));
  kind.group_priority = kGroupPriority;
  kind.version_priority = kVersionPriority;
}

// `custom` is whole, and stays where it is.
void AddBehaviour(const KindInfo& kind, CustomKind& custom) {
  for (const std::string_view field : kind.selectable_fields) {
    custom.selectable.push_back({.field = field});
  }
  KindBehaviour& behaviour = custom.behaviour;
  behaviour.table = &custom.table;
  behaviour.selectable = {custom.selectable, kind.namespaced, &UnsupportedField};
  behaviour.converter = custom.converter.get();
  if (custom.scale) behaviour.scale = &*custom.scale;
  behaviour.list_kind = custom.list_kind;
  behaviour.deprecation = custom.deprecation;
}

const Type& NameOnly(RuntimeKind& kind) {
  Type& type = kind.tables.NewType();
  type.shape = Shape::kStruct;
  type.name = kind.kind;
  type.api_version = kind.api_version;
  type.type_meta = true;
  return type;
}

std::shared_ptr<const RuntimeKind> MakeKind(const Definition& definition, const Json& version) {
  auto kind = std::make_shared<RuntimeKind>();
  auto custom = std::make_shared<CustomKind>();
  AddNames(definition, version, *kind);
  AddSubresources(definition, version, *kind, *custom);
  custom->list_kind = TextAt(definition.names, "listKind");
  custom->stored_version = definition.stored_version;
  custom->terminating = definition.terminating;
  custom->deprecation = DeprecationOf(definition.spec, version, definition.version_to_use);
  custom->own = definition.schemas->find(kind->api_version)->second;
  custom->stored = definition.schemas->find(definition.stored_version)->second;
  custom->versions = definition.schemas;
  custom->defined_at = definition.defined_at;
  custom->mark = definition.mark;
  custom->converter = definition.converter;
  custom->may_convert =
      definition.converter != nullptr &&
      (!definition.keeps_one_version || kind->api_version != definition.stored_version);
  custom->met_others = definition.met_others;
  MakeColumns(version, *custom);
  AddBehaviour(*kind, *custom);
  kind->type = &NameOnly(*kind);
  kind->behaviour = &custom->behaviour;
  kind->custom = std::move(custom);
  return kind;
}

bool StopsRules(const Cause& cause) {
  return cause.reason == "FieldValueRequired" || cause.reason == "FieldValueNotSupported" ||
         cause.reason == "FieldValueTooLong" || cause.reason == "FieldValueTooMany" ||
         cause.reason == "FieldValueTypeInvalid";
}

// Fills in what is missing, where its text does not become longer than that.
bool ApplyMeasured(const Schema& schema, Json& content, size_t bytes_max) {
  const size_t bytes = DumpJson(content).size();
  return ApplyDefaults(schema, content, bytes_max - std::min(bytes_max, bytes));
}

// Go's words for a value of another type than the one at a path should be.
std::string AccessError(std::string_view path, const Json& value, std::string_view wanted) {
  return fmt::format(".{} accessor error: {} is of the type {}, expected {}", path, GoShown(value),
                     value.is_null() ? "<nil>" : GoTypeOf(value), wanted);
}

// nullptr: there is none. Fails where something on the way has no members.
Result<const Json*> ValueAt(const Json& document, std::string_view path) {
  const Json* at = &document;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    if (at->is_null()) return static_cast<const Json*>(nullptr);
    if (!at->is_object()) {
      return Fail(Reason::kInternalError,
                  AccessError(path.substr(0, end), *at, "map[string]interface{}"));
    }
    const auto found = at->find(std::string(path.substr(begin, end - begin)));
    if (found == at->end()) return static_cast<const Json*>(nullptr);
    at = &*found;
    begin = end + 1;
  }
  return at;
}

// A number of replicas that scale shows.
void CheckReplicas(const Json& document, const std::string& path, Violations& out) {
  const FieldPath at("." + path);
  const auto found = IntegerAt(document, path);
  if (!found) return out.Invalid(at, 0, found.error().message);
  if (!*found) return;
  if (**found < 0) out.Invalid(at, **found, "should be a non-negative integer");
  if (**found > INT32_MAX) {
    out.Invalid(at, **found, "should be less than or equal to 2147483647");
  }
}

// The text that selects what scale counts.
void CheckSelector(const Json& document, const std::string& path, Violations& out) {
  const auto found = StringAt(document, path);
  if (!found) out.Invalid(FieldPath("." + path), "", found.error().message);
}

}  // namespace

Result<std::optional<int64_t>> IntegerAt(const Json& document, std::string_view path) {
  const Json* value = TRY(ValueAt(document, path));
  if (value == nullptr) return std::optional<int64_t>();
  if (value->is_number_integer()) return std::optional<int64_t>(value->get<int64_t>());
  return Fail(Reason::kInternalError, AccessError(path, *value, "int64"));
}

Result<std::string> StringAt(const Json& document, std::string_view path) {
  const Json* value = TRY(ValueAt(document, path));
  if (value == nullptr) return std::string();
  if (value->is_string()) return value->get<std::string>();
  return Fail(Reason::kInternalError, AccessError(path, *value, "string"));
}

bool IsOfUnknownVersion(const Error& error) {
  return error.http_code == 500 && error.message.starts_with(kUnknownVersion);
}

bool MakesKinds(const Json& definition) {
  return HasCondition(definition, "Established");
}

RuntimeKinds MakeKinds(const Json& definition, const MakeConverter& make_converter) {
  const std::string text = DumpJson(definition);
  const auto cut = CutDefinition(text);
  return cut ? MakeKinds(*cut, make_converter) : RuntimeKinds();
}

RuntimeKinds MakeKinds(const DefinitionText& cut, const MakeConverter& make_converter) {
  RuntimeKinds kinds;
  const Json& definition = cut.document;
  if (!MakesKinds(definition)) return kinds;
  const Json* spec = FindPath(definition, "spec");
  const Json* names = FindPath(definition, "status.acceptedNames");
  if (spec == nullptr || names == nullptr) return kinds;
  if (IsBuiltInResource(TextAt(*spec, "group"), TextAt(*spec, "names.plural"))) return kinds;
  Definition shared{
      .spec = *spec,
      .names = *names,
      .stored_version = "",
      .version_to_use = VersionToUse(*spec),
      .schemas = std::make_shared<VersionSchemas>(),
      .defined_at = RevisionOf(definition),
      .mark = std::make_shared<const DefinitionMark>(cut),
      .converter = nullptr,
      .met_others = std::make_shared<std::atomic<bool>>(false),
      .replicas_paths = std::make_shared<std::map<std::string, std::string, std::less<>>>()};
  shared.terminating = HasCondition(definition, "Terminating");
  const bool by_webhook = TextAt(*spec, "conversion.strategy") == "Webhook";
  size_t index = 0;
  for (const Json& version : ListAt(*spec, "versions")) {
    const std::string api_version = TextAt(*spec, "group") + "/" + version.value("name", "");
    shared.schemas->emplace(
        api_version, std::make_shared<VersionSchema>(TextAt(*names, "kind"), api_version,
                                                     cut.schemas[index++]));
    const Json* scale = FindPath(version, "subresources.scale");
    shared.replicas_paths->emplace(
        api_version,
        scale == nullptr ? std::string() : WithoutDot(scale->value("specReplicasPath", "")));
    if (!version.value("storage", false)) continue;
    shared.stored_version = api_version;
    shared.keeps_one_version = KeepsOneVersion(definition, version.value("name", ""));
  }
  if (!shared.schemas->contains(shared.stored_version)) return kinds;
  if (by_webhook && make_converter) shared.converter = make_converter(definition);
  for (const Json& version : ListAt(*spec, "versions")) {
    // What only a webhook could make of the stored objects is not made up in its place.
    const bool is_stored = version.value("storage", false);
    if (by_webhook && !is_stored && shared.converter == nullptr) continue;
    if (version.value("served", false)) kinds.push_back(MakeKind(shared, version));
  }
  return kinds;
}

const Type& WholeType(const KindInfo& kind) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  if (runtime == nullptr || runtime->custom == nullptr) return *kind.type;
  return runtime->custom->own->type();
}

Result<bool> CustomKind::Complete(Json& content, size_t bytes_max,
                                  std::vector<std::string>* unknown) const {
  const Schema& schema = own->schema();
  if (!schema.has_embedded) {
    const Findings found = Inspect(schema, content);
    if (!found.unknown && !found.nulls) {
      return !found.lacks_defaults || ApplyMeasured(schema, content, bytes_max);
    }
  }
  if (Prune(schema, content, unknown)) PruneNulls(schema, content);
  std::vector<std::string> unknown_metadata;
  TRY(CoerceEmbedded(schema, content, true, unknown ? &unknown_metadata : nullptr));
  if (unknown != nullptr) {
    unknown->insert(unknown->end(), unknown_metadata.begin(), unknown_metadata.end());
  }
  return FillIn(content, bytes_max);
}

bool CustomKind::FillIn(Json& content, size_t bytes_max) const {
  // What has all of them, as nearly all objects that are changed, need not be measured.
  const Schema& schema = own->schema();
  return !LacksDefaults(schema, content) || ApplyMeasured(schema, content, bytes_max);
}

Result<bool> CustomKind::FromStore(std::string_view api_version, Json& content,
                                   size_t room) const {
  const auto found = versions->find(api_version);
  if (found == versions->end()) {
    Error error{.message = std::string(kUnknownVersion).append(api_version)};
    error.http_code = 500;
    return Fail(std::move(error));
  }
  if (!found->second->IsMade() && !MayWait()) return Fail(WouldWait());
  const Schema& kept = found->second->schema();
  if (Prune(kept, content, nullptr)) PruneNulls(kept, content);
  (void)CoerceEmbedded(kept, content, false, nullptr);  // Fails only where it is strict.
  return ApplyDefaults(kept, content, room);
}

CustomKind::Reading CustomKind::ReadingOf(const Json& content, size_t room) const {
  if (IsSurelyComplete(stored->schema(), content)) return Reading::kAsKept;
  Json read = content;
  const auto filled = FromStore(stored_version, read, room);
  if (filled && !*filled) return Reading::kWithoutDefaults;
  if (!filled || read != content) return Reading::kOtherwise;
  // Metadata that is none is read as it is; it is never written so.
  const auto fits = CoerceEmbedded(stored->schema(), read, true, nullptr);
  return fits ? Reading::kAsKept : Reading::kOtherwise;
}

void CustomKind::Converted(Json& content) const {
  const Schema& schema = own->schema();
  if (Prune(schema, content, nullptr)) PruneNulls(schema, content);
  // Fails only where it is strict. Kubernetes is, and shows neither the object nor a list that it
  // is in: whoever makes one such object keeps its controllers from all the others.
  (void)CoerceEmbedded(schema, content, false, nullptr);
}

Result<> CustomKind::ForStore(Json& content) const {
  const Schema& schema = stored->schema();
  if (Prune(schema, content, nullptr)) PruneNulls(schema, content);
  auto coerced = CoerceEmbedded(schema, content, true, nullptr);
  if (coerced) return {};
  // The client could not know, and is told of an error that has no reason.
  Error error{.reason = Reason::kUnknown, .message = std::move(coerced.error().message)};
  error.http_code = 500;
  return Fail(std::move(error));
}

void CustomKind::Validate(const Json& document, const Json* old, std::string_view subresource,
                          Violations& out, std::vector<std::string>& warnings) const {
  const bool status_only = subresource == "status";
  const Schema& schema = own->schema();
  Unchanged unchanged;
  if (old != nullptr) unchanged = Unchanged(schema, document, *old);
  if (status_only) {
    const Schema* status = schema.Property("status");
    const auto now = document.find("status");
    const Json* before = old != nullptr && old->contains("status") ? &(*old)["status"] : nullptr;
    if (status != nullptr && now != document.end()) {
      const Before was{before, unchanged};
      ValidateStatus(*status, *now, &was, out);
    }
  } else {
    const Before was{old, unchanged};
    ValidateValue(schema, document, &was, out);
  }
  if (scale) {
    if (!status_only) CheckReplicas(document, scale->replicas, out);
    CheckReplicas(document, scale->actual, out);
    if (!scale->selector.empty()) CheckSelector(document, scale->selector, out);
  }
  if (!status_only) ValidateEmbedded(schema, document, FieldPath(), out);
  ValidateLists(schema, document, old, out);
  if (own->has_rules()) ValidateRules(document, old, unchanged, out, warnings);
}

void CustomKind::ValidateRules(const Json& document, const Json* old, const Unchanged& unchanged,
                               Violations& out, std::vector<std::string>& warnings) const {
  if (std::any_of(out.causes().begin(), out.causes().end(), StopsRules)) {
    return out.Invalid(FieldPath(), nullptr,
                       "some validation rules were not checked because the object was invalid; "
                       "correct the existing errors to complete validation");
  }
  const RuleNode* tree = own->rules();
  if (tree == nullptr) return;
  Violations ratcheted;
  const RuleRun::Forgiven forgiven{ratcheted, unchanged};
  RuleRun(out, old == nullptr ? nullptr : &forgiven).Validate(*tree, document, old, FieldPath());
  for (const Cause& cause : ratcheted.causes()) {
    warnings.push_back(cause.field + ": " + cause.message);
  }
}

}  // namespace skiff::crd
