#include "apiserver/objects/record_codec.h"

#include <algorithm>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/struct_text.h"
#include "api/crd/custom_kind.h"
#include "api/kinds/behaviour.h"
#include "api/kinds/versions.h"
#include "api/select/selector.h"
#include "apiserver/objects/etcd_size.h"
#include "apiserver/objects/written_struct.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/resources.h"
#include "apiserver/storage/keys.h"
#include "base/at_once.h"

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

// `metadata` and `content` are members of JSON objects, without braces and the resourceVersion.
ObjectBody Assembled(std::string_view kind, std::string_view api_version,
                     std::string_view metadata, std::string_view content) {
  ObjectBody body;
  body.text.reserve(metadata.size() + content.size() + 128);
  body.text = TypePrefix(kind, api_version) + "\"metadata\":{\"resourceVersion\":\"";
  body.revision_at = body.text.size();
  body.text += "\"";
  if (!metadata.empty()) body.text.append(",").append(metadata);
  body.text += "}";
  if (!content.empty()) body.text.append(",").append(content);
  body.text += "}";
  return body;
}

// Of the text of an object what is between its braces.
std::string_view MembersIn(std::string_view text) {
  return text.substr(1, text.size() - 2);
}

// The text of an object's metadata without its resourceVersion. What comes before that are texts,
// and they have no bare quote.
std::string MetadataText(const meta_v1::ObjectMeta& metadata) {
  std::string text;
  AppendStruct(meta_v1::ObjectMeta::Describe(), &metadata, text);
  if (metadata.resource_version.empty()) return text;
  constexpr std::string_view kName = "\"resourceVersion\":\"";
  const size_t begin = text.find(kName);
  size_t end = text.find('"', begin + kName.size()) + 1;
  if (text[end] == ',') ++end;
  text.erase(begin, end - begin);
  if (text[begin] == '}' && text[begin - 1] == ',') text.erase(begin - 1, 1);
  return text;
}

// The text of a custom resource, straight from its parts.
ObjectBody CustomBody(const Object& object, std::string_view api_version) {
  const std::string metadata = MetadataText(object.metadata());
  const std::string content = DumpJson(object.content());
  return Assembled(object.kind().kind, api_version, MembersIn(metadata), MembersIn(content));
}

ObjectBody DocumentBody(const KindInfo& kind, const Json& document) {
  Json rest = document;
  rest.erase("kind");
  rest.erase("apiVersion");
  Json metadata = rest.value("metadata", Json::object());
  metadata.erase("resourceVersion");
  rest.erase("metadata");
  return Assembled(kind.kind, kind.api_version, MembersIn(DumpJson(metadata)),
                   MembersIn(DumpJson(rest)));
}

// How deep objects and arrays stand in one another, as far as `most`.
int DepthOfText(std::string_view json, int most) {
  if (json.size() <= static_cast<size_t>(most)) return 0;  // Less than that, whatever it is.
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
Result<StoredObject> Checked(const Object& object, const ObjectBody& body, StoredObject stored) {
  if (DepthOfText(body.text, kObjectDepthMax) > kObjectDepthMax) {
    return Fail(Reason::kBadRequest, "exceeded max depth");
  }
  const meta_v1::ObjectMeta& metadata = object.metadata();
  TRY(CheckFitsEtcd(object, KeyOf(object.kind(), metadata.namespace_, metadata.name), body.text));
  return stored;
}

// How many bytes defaults may add to an object whose text is so long.
size_t RoomBeside(size_t bytes) {
  return kObjectBytesMax - std::min(kObjectBytesMax, bytes);
}

}  // namespace

Error TooLargeWithDefaults() {
  return {Reason::kRequestEntityTooLarge,
          "Request entity too large: limit is " + std::to_string(kObjectBytesMax) +
              ", with the defaults of its schema"};
}

std::string KeyOf(const KindInfo& kind, std::string_view namespace_name, std::string_view name) {
  // A request for a namespace names it twice: its own name is its namespace to the authorizer.
  return StoreKey(kind.storage_key, kind.namespaced ? namespace_name : std::string_view(), name);
}

ObjectBody BodyText(const Object& object) {
  if (object.is_custom()) return CustomBody(object, object.kind().api_version);
  ObjectText text = EncodeObjectText(*object.kind().type, object.raw());
  return {std::move(text.text), text.revision_at};
}

std::string TextOf(const Object& object) {
  ObjectBody body = BodyText(object);
  body.text.insert(body.revision_at, object.metadata().resource_version);
  return std::move(body.text);
}

ObjectBody BodyText(const KindInfo& kind, const Json& document) {
  if (RuntimeKindOf(kind) != nullptr) return DocumentBody(kind, document);
  Json whole = document;
  whole["kind"] = kind.kind;
  whole["apiVersion"] = kind.api_version;
  whole["metadata"]["resourceVersion"] = "";
  ObjectBody body{EncodeDocument(*kind.type, whole), 0};
  // The first one: what comes before it in metadata are texts, and they have no bare quote.
  constexpr std::string_view kRevision = "\"resourceVersion\":\"";
  body.revision_at = body.text.find(kRevision) + kRevision.size();
  return body;
}

namespace {

// Not fields of objects, but marks among them. The path to a field cannot be a dot and one of
// these, so none that a definition makes selectable is called so.
//
// Of a record that InVersion made: it is as its readers want it already.
constexpr std::string_view kConvertedField = ".converted";

// Of a custom resource that reads as it is kept: by which schema.
constexpr std::string_view kSchemaField = ".schema";

bool IsConverted(const ObjectView& view) {
  return view.field(kConvertedField).has_value();
}

// Whether the text of a record is of that version, which its first bytes tell nearly always.
bool IsKeptIn(const KindInfo& kind, std::string_view api_version, const ObjectView& view) {
  if (view.body().starts_with(TypePrefix(kind.kind, api_version))) return true;
  const auto document = ParseJson(view.body());
  return document && document->is_object() &&
         document->value("apiVersion", Json()) == Json(api_version);
}

Result<Json> ConvertOne(const crd::CustomKind& custom, Json document,
                        std::string_view api_version) {
  std::vector<Json> documents;
  documents.push_back(std::move(document));
  auto converted = TRY(custom.converter->Convert(std::move(documents), api_version));
  return std::move(converted.front());
}

bool IsConvertedForStore(const KindInfo& kind, const crd::CustomKind& custom) {
  return custom.converter != nullptr && custom.stored_version != kind.api_version;
}

// The content of the version that it is kept in; what the object says of its own is still its kind.
Result<Object> ForStore(const Object& object, const crd::CustomKind& custom) {
  const KindInfo& kind = object.kind();
  Object kept = object.Clone();
  if (IsConvertedForStore(kind, custom)) {
    const Json converted = TRY(ConvertOne(custom, object.ToDocument(), custom.stored_version));
    kept = TRY(Object::FromDocument(kind, converted));
    kept.set_lacks_defaults(object.lacks_defaults());
  }
  TRY(custom.ForStore(kept.content()));
  return kept;
}

// A stored object by the schema of the version that it is kept in, which is told.
struct StoredCustom {
  Object object;
  std::string api_version;

  Json ToDocument() const {
    Json document = object.ToDocument();
    document["apiVersion"] = api_version;
    return document;
  }
};

Result<StoredCustom> ReadStored(const KindInfo& kind, const crd::CustomKind& custom,
                                std::string_view body) {
  Json document = TRY(ParseJson(body));
  const std::string api_version = document.value("apiVersion", "");
  StoredCustom stored{TRY(Object::FromDocument(kind, std::move(document))), api_version};
  const bool filled = TRY(
      custom.FromStore(stored.api_version, stored.object.content(), RoomBeside(body.size())));
  stored.object.set_lacks_defaults(!filled);
  return stored;
}

Result<Object> FromConverted(const KindInfo& kind, const crd::CustomKind& custom,
                             const Json& document) {
  Object object = TRY(Object::FromDocument(kind, document));
  custom.Converted(object.content());
  return object;
}

// The object of what is stored, as the version `kind`.
Result<Object> FromStored(const KindInfo& kind, const crd::CustomKind& custom,
                          StoredCustom stored) {
  if (stored.api_version == kind.api_version) return std::move(stored.object);
  if (custom.converter == nullptr) {
    custom.Converted(stored.object.content());
    return std::move(stored.object);
  }
  const Json document = TRY(ConvertOne(custom, stored.ToDocument(), kind.api_version));
  Object object = TRY(FromConverted(kind, custom, document));
  object.set_lacks_defaults(stored.object.lacks_defaults());
  return object;
}

std::vector<std::pair<std::string, std::string>> CustomFields(const Object& object) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const SelectableField& field : object.kind().behaviour->selectable.fields) {
    if (field.is_alias) continue;
    fields.emplace_back(field.name(), SelectableValue(field, object.content()));
  }
  return fields;
}

// `kept` is as ForStore makes it, and `body` its text.
Result<StoredObject> EncodeKept(const Object& kept, const crd::CustomKind& custom,
                                const ObjectBody& body, bool reads_as_kept) {
  std::vector<NamedText> labels;
  for (const auto& [name, value] : kept.metadata().labels) labels.push_back({name, value});
  const auto fields = CustomFields(kept);
  std::vector<NamedText> field_views = Views(fields);
  if (reads_as_kept) field_views.push_back({kSchemaField, custom.stored->digest()});
  return Checked(
      kept, body,
      EncodeObject(
          {.labels = labels, .fields = field_views, .uid = kept.metadata().uid, .body = body}));
}

// The record of a custom resource: in the version, and by the schema, that it is kept in.
Result<StoredObject> EncodeCustom(const Object& object) {
  const KindInfo& kind = object.kind();
  const crd::CustomKind* custom = CustomKindOf(kind);
  if (custom == nullptr) {
    const Json document = object.ToDocument();
    const ObjectBody body = BodyText(kind, document);
    return Checked(object, body, EncodeBody(kind, document, body));
  }
  using Reading = crd::CustomKind::Reading;
  if (!IsConvertedForStore(kind, *custom)) {
    const ObjectBody body = CustomBody(object, custom->stored_version);
    const Reading reading = custom->ReadingOf(object.content(), RoomBeside(body.text.size()));
    if (reading == Reading::kAsKept) return EncodeKept(object, *custom, body, true);
  }
  const Object kept = TRY(ForStore(object, *custom));
  const ObjectBody body = CustomBody(kept, custom->stored_version);
  const Reading reading = custom->ReadingOf(kept.content(), RoomBeside(body.text.size()));
  if (reading == Reading::kWithoutDefaults && !kept.lacks_defaults()) {
    return Fail(TooLargeWithDefaults());
  }
  return EncodeKept(kept, *custom, body, reading == Reading::kAsKept);
}

}  // namespace

bool IsSentAsKept(const KindInfo& kind) {
  return IsKeptAs(kind) && CustomKindOf(kind) == nullptr;
}

bool IsSentAsKept(const KindInfo& kind, const ObjectView& view) {
  if (IsSentAsKept(kind)) return true;
  const crd::CustomKind* custom = CustomKindOf(kind);
  // The digest is that of a version, too.
  return custom != nullptr && IsKeptAs(kind) && view.field(kSchemaField) == custom->own->digest();
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
  for (const SelectableField& field : kind.behaviour->selectable.fields) {
    if (!field.is_alias) fields.emplace_back(field.name(), SelectableValue(field, document));
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
  for (const SelectableField& field : kind.behaviour->selectable.fields) {
    if (field.is_alias) continue;
    fields.emplace_back(field.name(), SelectableValue(field, *kind.type, object.raw()));
  }
  std::vector<NamedText> field_views;
  for (const auto& [name, value] : fields) field_views.push_back({name, value});
  return Checked(
      object, body,
      EncodeObject(
          {.labels = labels, .fields = field_views, .uid = object.metadata().uid, .body = body}));
}

Result<StoredObject> EncodeForStore(const KindInfo& kind, const Json& document) {
  const KindInfo& stored = StorageKindOf(kind);
  if (&stored == &kind) return EncodeForStore(TRY(Object::FromDocument(kind, document)));
  const Json kept = TRY(DocumentAs(kind, stored, document));
  return EncodeForStore(TRY(Object::FromDocument(stored, kept)));
}

Result<Object> AsKept(const Object& object) {
  const KindInfo& kind = object.kind();
  if (const crd::CustomKind* custom = CustomKindOf(kind)) {
    Object made = TRY(ForStore(object, *custom));
    StoredCustom kept{std::move(made), custom->stored_version};
    const size_t bytes = CustomBody(kept.object, custom->stored_version).text.size();
    const bool filled = TRY(custom->FromStore(custom->stored_version, kept.object.content(),
                                              RoomBeside(bytes)));
    if (!filled && !object.lacks_defaults()) return Fail(TooLargeWithDefaults());
    return FromStored(kind, *custom, std::move(kept));
  }
  if (IsKeptAs(kind)) return object.Clone();
  const KindInfo& stored = StorageKindOf(kind);
  const Json document = TRY(DocumentAs(kind, stored, object.ToDocument()));
  return Object::FromDocument(kind, TRY(DocumentAs(stored, kind, document)));
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
  return DocumentAs(stored, kind, std::move(document));
}

Result<Object> CustomObjectOf(const KindInfo& kind, const ObjectView& view) {
  const crd::CustomKind* custom = CustomKindOf(kind);
  if (custom == nullptr || IsConverted(view) || IsSentAsKept(kind, view)) {
    return Object::FromText(kind, view.body());
  }
  if (custom->converter != nullptr && !IsKeptIn(kind, kind.api_version, view)) {
    MeetOthers(kind);
    if (!MayWaitLong()) return Fail(WouldWait());
  }
  StoredCustom stored = TRY(ReadStored(kind, *custom, view.body()));
  return FromStored(kind, *custom, std::move(stored));
}

bool IsConvertedByWebhook(const KindInfo& kind) {
  const crd::CustomKind* custom = CustomKindOf(kind);
  return custom != nullptr && custom->converter != nullptr;
}

bool MayConvert(const KindInfo& kind) {
  const crd::CustomKind* custom = CustomKindOf(kind);
  return custom != nullptr && (custom->may_convert || (custom->converter && *custom->met_others));
}

void MeetOthers(const KindInfo& kind) {
  *CustomKindOf(kind)->met_others = true;
}

std::string ConversionName(std::string_view definition) {
  return "conversion/" + std::string(definition);
}

std::string ConversionName(const KindInfo& kind) {
  return ConversionName(std::string(kind.resource) + "." + std::string(kind.group));
}

std::string PageConversionName(const KindInfo& kind) {
  return ConversionName(kind) + (MayConvert(kind) ? "" : "/stored");
}

bool NeedsConversion(const KindInfo& kind, const Record& record) {
  if (!IsConvertedByWebhook(kind)) return false;
  const auto view = ObjectView::Of(record);
  return view && !IsConverted(*view) && !IsKeptIn(kind, kind.api_version, *view);
}

bool IsKeptInOldVersion(const KindInfo& kind, const Record& record) {
  const crd::CustomKind* custom = CustomKindOf(kind);
  const auto view = ObjectView::Of(record);
  return custom != nullptr && view && !IsKeptIn(kind, custom->stored_version, *view);
}

namespace {

// A record of the same write that holds another text.
RecordPtr ConvertedRecord(const Record& record, const Object& object) {
  const Json document = object.ToDocument();
  const auto labels = LabelsOf(document);
  const auto views = Views(labels);
  const NamedText field{kConvertedField, "true"};
  StoredObject made = EncodeObject({.labels = views,
                                    .fields = {&field, 1},
                                    .uid = object.metadata().uid,
                                    .body = BodyText(object)});
  made.value.insert(made.revision_at, std::to_string(record.modified.value));
  return std::make_shared<const Record>(
      Record{record.key, std::move(made.value), record.created, record.modified});
}

// Of records that are converted, what is made documents at a time, about: those of small values
// take many times their text, and wait for as long as the webhook does.
constexpr size_t kConvertedAtOnce = size_t{2} << 20;

Error OfVersion(Error error) {
  error.is_of_version = true;
  return error;
}

// Makes records of that version of those from `begin` on, and says how far it came.
Result<size_t> ConvertSome(const KindInfo& kind, std::vector<RecordPtr>& records, size_t begin) {
  std::vector<size_t> places;
  std::vector<Json> documents;
  size_t end = begin;
  for (size_t bytes = 0; end < records.size() && bytes < kConvertedAtOnce; ++end) {
    if (!NeedsConversion(kind, *records[end])) continue;
    if (!MayWaitLong()) return Fail(WouldWait());
    const ObjectView view = TRY(ObjectView::Of(*records[end]));
    const StoredCustom stored = TRY(ReadStored(kind, *CustomKindOf(kind), view.body()));
    places.push_back(end);
    documents.push_back(stored.ToDocument());
    bytes += view.body().size();
  }
  if (places.empty()) return end;
  const crd::CustomKind& custom = *CustomKindOf(kind);
  const auto converted = custom.converter->Convert(std::move(documents), kind.api_version);
  if (!converted) return Fail(OfVersion(converted.error()));
  for (size_t i = 0; i < places.size(); ++i) {
    const auto object = FromConverted(kind, custom, (*converted)[i]);
    if (!object) return Fail(OfVersion(object.error()));
    RecordPtr& record = records[places[i]];
    record = ConvertedRecord(*record, *object);
  }
  return end;
}

}  // namespace

Result<std::vector<RecordPtr>> InVersion(const KindInfo& kind, std::vector<RecordPtr> records) {
  for (size_t next = 0; next < records.size();) next = TRY(ConvertSome(kind, records, next));
  return records;
}

Result<Object> ObjectOf(const KindInfo& kind, const Record& record) {
  if (IsKeptAs(kind)) {
    const ObjectView view = TRY(ObjectView::Of(record));
    if (CustomKindOf(kind) != nullptr) return CustomObjectOf(kind, view);
    if (auto written = CopyOfWritten(kind, record)) return std::move(*written);
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
  if (IsSentAsKept(kind, view)) {
    std::string text;
    text.reserve(view.body().size() + 1);  // An answer ends its line.
    text = view.body();
    return text;
  }
  return TextOf(TRY(ObjectOf(kind, record)));
}

std::string_view ItemTail(const KindInfo& kind, std::string_view text) {
  std::string_view tail = text;
  const auto skips = [&](std::string_view part) {
    if (!tail.starts_with(part)) return false;
    tail.remove_prefix(part.size());
    return true;
  };
  // As TypePrefix writes it.
  const bool says_its_kind = IsBuiltIn(kind) && skips("{\"kind\":\"") && skips(kind.kind) &&
                             skips("\",\"apiVersion\":\"") && skips(kind.api_version) &&
                             skips("\",");
  return says_its_kind ? tail : text.substr(1);
}

}  // namespace skiff
