#include "apiserver/record_codec.h"

#include <algorithm>

#include "api/crd/custom_kind.h"
#include "api/decode.h"
#include "api/json.h"
#include "api/selector.h"
#include "api/struct_text.h"
#include "apiserver/api_errors.h"
#include "apiserver/conversions.h"
#include "apiserver/resources.h"
#include "apiserver/storage/keys.h"

namespace skiff {
namespace {

std::string TypePrefix(std::string_view kind, std::string_view api_version) {
  std::string text = "{\"kind\":\"";
  text.append(kind).append("\",\"apiVersion\":\"").append(api_version).append("\",");
  return text;
}

bool IsBuiltIn(const KindInfo& kind) {
  return kind.type != nullptr && kind.type->ops != nullptr;
}

const crd::CustomKind* CustomKindOf(const KindInfo& kind) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  return runtime == nullptr ? nullptr : runtime->custom.get();
}

std::vector<std::pair<std::string, std::string>> LabelsOf(const Json& document) {
  std::vector<std::pair<std::string, std::string>> labels;
  const auto metadata = document.find("metadata");
  if (metadata == document.end() || !metadata->is_object()) return labels;
  const auto found = metadata->find("labels");
  if (found == metadata->end() || !found->is_object()) return labels;
  for (const auto& [name, value] : found->items()) {
    if (value.is_string()) labels.emplace_back(name, value.get<std::string>());
  }
  return labels;
}

std::vector<NamedText> Views(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<NamedText> views;
  views.reserve(pairs.size());
  for (const auto& [name, value] : pairs) views.push_back({name, value});
  return views;
}

bool IsKeptAs(const KindInfo& kind) {
  return &StorageKindOf(kind) == &kind;
}

ObjectBody BodyOf(std::string_view kind, std::string_view api_version, const Json& document);

// How deep objects and arrays stand in one another, as far as `most`.
int DepthOfText(std::string_view json, int most) {
  const auto opened = std::count_if(json.begin(), json.end(),
                                    [](char c) { return c == '{' || c == '['; });
  if (opened <= most) return static_cast<int>(opened);
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') ++i;
    if (in_string) continue;
    if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
    if (c == '}' || c == ']') --depth;
  }
  return deepest;
}

// Around an object stand lists, Tables and events, which clients read with the same bound.
constexpr int kObjectDepthMax = kJsonDepthMax - 16;

// Whatever store is below, objects are as large as etcd takes them, and can be read again.
Result<StoredObject> Checked(const ObjectBody& body, StoredObject stored) {
  if (DepthOfText(body.text, kObjectDepthMax) > kObjectDepthMax) {
    return Fail(Reason::kBadRequest, "exceeded max depth");
  }
  if (stored.value.size() > kObjectBytesMax) {
    return Fail(PlainError("etcdserver: request is too large"));
  }
  return stored;
}

}  // namespace

std::string KeyOf(const KindInfo& kind, std::string_view namespace_name, std::string_view name) {
  // A request for a namespace names it twice: its own name is its namespace to the authorizer.
  return StoreKey(kind.storage_key, kind.namespaced ? namespace_name : std::string_view(), name);
}

ObjectBody BodyText(const Object& object) {
  if (object.is_custom()) return BodyText(object.kind(), object.ToDocument());
  ObjectText text = EncodeObjectText(*object.kind().type, object.raw());
  return {std::move(text.text), text.revision_at};
}

std::string TextOf(const Object& object) {
  ObjectBody body = BodyText(object);
  body.text.insert(body.revision_at, object.metadata().resource_version);
  return std::move(body.text);
}

ObjectBody BodyText(const KindInfo& kind, const Json& document) {
  return BodyOf(kind.kind, kind.api_version, document);
}

namespace {

ObjectBody BodyOf(std::string_view kind, std::string_view api_version, const Json& document) {
  Json rest = document;
  rest.erase("kind");
  rest.erase("apiVersion");
  Json metadata = rest.value("metadata", Json::object());
  metadata.erase("resourceVersion");
  rest.erase("metadata");
  ObjectBody body;
  body.text = TypePrefix(kind, api_version) + "\"metadata\":{\"resourceVersion\":\"";
  body.revision_at = body.text.size();
  body.text += "\"";
  if (!metadata.empty()) {
    const std::string text = DumpJson(metadata);
    body.text.append(",").append(text, 1);
  } else {
    body.text += "}";
  }
  if (!rest.empty()) {
    const std::string text = DumpJson(rest);
    body.text.append(",").append(text, 1);
  } else {
    body.text += "}";
  }
  return body;
}

// The record of a custom resource: in the version, and by the schema, that it is kept in.
Result<StoredObject> EncodeCustom(const Object& object) {
  const KindInfo& kind = object.kind();
  const crd::CustomKind* custom = CustomKindOf(kind);
  if (custom == nullptr) {
    const Json document = object.ToDocument();
    const ObjectBody body = BodyText(kind, document);
    return Checked(body, EncodeBody(kind, document, body));
  }
  Object kept = object.Clone();
  custom->ForStore(kept.content());
  const Json document = kept.ToDocument();
  const ObjectBody body = BodyOf(kind.kind, custom->stored_version, document);
  return Checked(body, EncodeBody(kind, document, body));
}

}  // namespace

bool IsSentAsKept(const KindInfo& kind) {
  return IsKeptAs(kind) && CustomKindOf(kind) == nullptr;
}

std::string PlainText(const KindInfo& kind, const Json& document) {
  ObjectBody body = BodyText(kind, document);
  constexpr std::string_view kName = "\"resourceVersion\":\"";
  const size_t begin = body.revision_at - kName.size();
  size_t end = body.revision_at + 1;
  if (body.text[end] == ',') ++end;
  body.text.erase(begin, end - begin);
  return body.text;
}

StoredObject EncodeBody(const KindInfo& kind, const Json& document, const ObjectBody& body) {
  const auto labels = LabelsOf(document);
  std::vector<std::pair<std::string, std::string>> fields;
  for (const std::string_view field : SelectableFields(kind)) {
    fields.emplace_back(field, SelectableValue(kind, document, field));
  }
  std::string uid;
  if (const auto metadata = document.find("metadata"); metadata != document.end()) {
    uid = metadata->value("uid", "");
  }
  const auto label_views = Views(labels);
  const auto field_views = Views(fields);
  return EncodeObject({.labels = label_views, .fields = field_views, .uid = uid, .body = body});
}

Result<StoredObject> EncodeForStore(const Object& object) {
  const KindInfo& kind = object.kind();
  if (!IsKeptAs(kind)) return EncodeForStore(kind, object.ToDocument());
  if (object.is_custom()) return EncodeCustom(object);
  const ObjectBody body = BodyText(object);
  std::vector<NamedText> labels;
  for (const auto& [name, value] : object.metadata().labels) labels.push_back({name, value});
  std::vector<std::pair<std::string_view, std::string>> fields;
  for (const std::string_view field : SelectableFields(kind)) {
    fields.emplace_back(field, SelectableValue(kind, object.raw(), field));
  }
  std::vector<NamedText> field_views;
  for (const auto& [name, value] : fields) field_views.push_back({name, value});
  return Checked(body, EncodeObject({.labels = labels,
                                     .fields = field_views,
                                     .uid = object.metadata().uid,
                                     .body = body}));
}

Result<StoredObject> EncodeForStore(const KindInfo& kind, const Json& document) {
  const KindInfo& stored = StorageKindOf(kind);
  if (&stored == &kind) return EncodeForStore(TRY(Object::FromDocument(kind, document)));
  return EncodeForStore(TRY(Object::FromDocument(stored, TRY(Convert(kind, stored, document)))));
}

Result<Object> AsKept(const Object& object) {
  const KindInfo& kind = object.kind();
  if (const crd::CustomKind* custom = CustomKindOf(kind)) {
    Object kept = object.Clone();
    custom->ForStore(kept.content());
    TRY(custom->FromStore(custom->stored_version, kept.content()));
    return kept;
  }
  if (IsKeptAs(kind)) return object.Clone();
  const KindInfo& stored = StorageKindOf(kind);
  const Json document = TRY(Convert(kind, stored, object.ToDocument()));
  return Object::FromDocument(kind, TRY(Convert(stored, kind, document)));
}

namespace {

Result<Json> CustomDocument(const KindInfo& kind, const Record& record) {
  const Object object = TRY(ObjectOf(kind, record));
  return object.ToDocument();
}

}  // namespace

Result<Json> DocumentOf(const KindInfo& kind, const Record& record) {
  if (CustomKindOf(kind) != nullptr) return CustomDocument(kind, record);
  const ObjectView view = TRY(ObjectView::Of(record));
  Json document = TRY(ParseJson(view.body()));
  const KindInfo& stored = StorageKindOf(kind);
  if (&stored == &kind) return document;
  return Convert(stored, kind, document);
}

Result<Object> CustomObjectOf(const KindInfo& kind, std::string_view body) {
  const Json document = TRY(ParseJson(body));
  Object object = TRY(Object::FromDocument(kind, document));
  if (const crd::CustomKind* custom = CustomKindOf(kind)) {
    TRY(custom->FromStore(document.value("apiVersion", ""), object.content()));
  }
  return object;
}

Result<Object> ObjectOf(const KindInfo& kind, const Record& record) {
  if (IsKeptAs(kind)) {
    const ObjectView view = TRY(ObjectView::Of(record));
    if (CustomKindOf(kind) != nullptr) return CustomObjectOf(kind, view.body());
    return Object::FromText(kind, view.body());
  }
  const Json document = TRY(DocumentOf(kind, record));
  return Object::FromDocument(kind, document);
}

bool HoldsText(const Record& record, const Object& object) {
  const auto view = ObjectView::Of(record);
  if (!view || !IsSentAsKept(object.kind())) return false;
  const ObjectBody body = BodyText(object);
  const auto [before, revision, after] = view->pieces();
  const std::string_view text = body.text;
  return text.size() == before.size() + after.size() && text.starts_with(before) &&
         text.ends_with(after) && before.size() == body.revision_at;
}

Result<std::string> TextOf(const KindInfo& kind, const Record& record) {
  const ObjectView view = TRY(ObjectView::Of(record));
  if (IsSentAsKept(kind)) return std::string(view.body());
  return TextOf(TRY(ObjectOf(kind, record)));
}

std::string_view ItemTail(const KindInfo& kind, std::string_view text) {
  const std::string prefix = TypePrefix(kind.kind, kind.api_version);
  if (IsBuiltIn(kind) && text.starts_with(prefix)) {
    text.remove_prefix(prefix.size());
  } else {
    text.remove_prefix(1);
  }
  return text;
}

}  // namespace skiff
