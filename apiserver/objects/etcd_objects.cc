#include "apiserver/objects/etcd_objects.h"

#include <algorithm>
#include <array>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/kinds/versions.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/resources.h"

namespace skiff {
namespace {

struct Found {
  Json document;
  const KindInfo* kind = nullptr;  // nullptr: not a built-in one.
};

std::optional<Found> FromProtobuf(std::string_view bytes) {
  const auto envelope = OpenEnvelope(bytes);
  if (!envelope) return std::nullopt;
  const KindInfo* kind = FindKind(envelope->type.api_version, envelope->type.kind);
  if (kind == nullptr) return std::nullopt;
  auto document = DecodeProtobuf(*kind->type, envelope->raw);
  if (!document) return std::nullopt;
  (*document)["apiVersion"] = envelope->type.api_version;
  (*document)["kind"] = envelope->type.kind;
  return Found{*std::move(document), kind};
}

std::optional<Found> FromJsonText(std::string_view text) {
  auto parsed = ParseJson(text);  // Who wrote it may nest as deep as he likes.
  if (!parsed) return std::nullopt;
  Found found{*std::move(parsed)};
  const Json& document = found.document;
  if (!document.is_object()) return std::nullopt;
  for (const char* member : {"apiVersion", "kind"}) {
    const auto at = document.find(member);
    if (at == document.end() || !at->is_string()) return std::nullopt;
  }
  const auto metadata = document.find("metadata");
  if (metadata == document.end() || !metadata->is_object()) return std::nullopt;
  found.kind = FindKind(document["apiVersion"].get_ref<const std::string&>(),
                        document["kind"].get_ref<const std::string&>());
  return found;
}

// Where in the text of a metadata the resourceVersion stands: behind the members that come before
// it in the table.
size_t PlaceOfRevision(std::string_view metadata) {
  static constexpr std::array<std::string_view, 5> kBefore = {"name", "generateName", "namespace",
                                                              "selfLink", "uid"};
  JsonReader in(metadata);
  in.Next();
  size_t place = 1;
  std::string_view key;
  while (in.NextKey(key)) {
    if (std::find(kBefore.begin(), kBefore.end(), key) == kBefore.end()) break;
    in.Skip();
    place = in.position();
  }
  return place;
}

// The text with a place for the revision, where that takes no more than cutting bytes: it begins as
// our records do, and as kube-apiserver's JSON does.
std::optional<ObjectBody> Spliced(const Found& found, std::string_view text) {
  if (found.kind == nullptr || found.document["metadata"].contains("resourceVersion")) {
    return std::nullopt;
  }
  std::string start = "{\"kind\":\"";
  start.append(found.kind->kind).append("\",\"apiVersion\":\"").append(found.kind->api_version);
  start.append("\",\"metadata\":");
  if (!text.starts_with(start + "{")) return std::nullopt;
  while (text.ends_with('\n')) text.remove_suffix(1);
  const size_t place = start.size() + PlaceOfRevision(text.substr(start.size()));
  const bool is_first = text[place - 1] == '{';
  // Others may write blanks.
  const bool is_last = text[text.find_first_not_of(" \t\r\n", place)] == '}';
  ObjectBody body;
  body.text.reserve(text.size() + 24);
  body.text.append(text, 0, place).append(is_first ? "" : ",").append("\"resourceVersion\":\"");
  body.revision_at = body.text.size();
  body.text.append(is_first && !is_last ? "\"," : "\"").append(text, place);
  return body;
}

StoredObject Encoded(const Found& found, std::string_view text) {
  if (found.kind != nullptr && &StorageKindOf(*found.kind) == found.kind) {
    if (const auto body = Spliced(found, text)) {
      return EncodeBody(*found.kind, found.document, *body);
    }
  }
  if (found.kind != nullptr) {
    if (auto stored = EncodeForStore(*found.kind, found.document)) return *std::move(stored);
  }
  const Json& metadata = found.document["metadata"];
  std::vector<NamedText> labels;
  if (const auto at = metadata.find("labels"); at != metadata.end() && at->is_object()) {
    for (const auto& [name, value] : at->items()) {
      if (value.is_string()) labels.push_back({name, value.get_ref<const std::string&>()});
    }
  }
  std::string_view uid;
  if (const auto at = metadata.find("uid"); at != metadata.end() && at->is_string()) {
    uid = at->get_ref<const std::string&>();
  }
  return EncodeObject({.labels = labels, .fields = {}, .uid = uid, .body = BodyOf(found.document)});
}

}  // namespace

std::optional<std::string> RecordValueFromEtcd(std::string_view bytes, Revision modified) {
  const bool is_json = bytes.starts_with('{');
  const auto found = is_json ? FromJsonText(bytes) : FromProtobuf(bytes);
  if (!found) return std::nullopt;
  StoredObject stored = Encoded(*found, bytes);
  if (stored.revision_at != std::string::npos) {
    stored.value.insert(stored.revision_at, std::to_string(modified.value));
  }
  return std::move(stored.value);
}

std::optional<std::string> ProtobufForEtcd(std::string_view json) {
  const auto found = FromJsonText(json);
  if (!found || found->kind == nullptr) return std::nullopt;
  const KindInfo& kind = *found->kind;
  const auto object = Object::FromText(kind, json);
  if (!object || object->is_custom()) return std::nullopt;
  const TypeMeta meta = {std::string(kind.api_version), std::string(kind.kind)};
  return EncodeStructProtobuf(*kind.type, meta, object->raw());
}

}  // namespace skiff
