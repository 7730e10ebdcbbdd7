#include "apiserver/objects/written_struct.h"

#include <utility>
#include <vector>

#include "api/codec/handed.h"
#include "api/codec/json.h"
#include "api/codec/kept_text.h"
#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

using Owners = std::vector<meta_v1::ManagedFieldsEntry>;

// One past the object that it begins with; npos: that has no end.
size_t EndOfObject(std::string_view text) {
  size_t depth = 0;
  bool is_name = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_name) {
      i += c == '\\' ? 1 : 0;
      is_name = c != '"';
    } else if (c == '"') {
      is_name = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return text.npos;
}

// From behind the bracket of the list on. This process wrote that text, so that it is compact, and
// nothing of it has to be judged on the way to the end of an entry.
Result<> ReadOwners(std::string_view text, Owners& owners) {
  while (text.starts_with('{')) {
    const size_t end = EndOfObject(text);
    if (end == text.npos) break;
    TRY(DecodeOwnText(meta_v1::ManagedFieldsEntry::Describe(), text.substr(0, end),
                      &owners.emplace_back()));
    text.remove_prefix(text.substr(end).starts_with(',') ? end + 1 : end);
  }
  if (!text.starts_with(']')) return Fail(Reason::kInternalError, "a list without an end");
  return {};
}

// Of an object's text no more is read than its metadata, up to managedFields.
Result<Owners> OwnersIn(std::string_view json) {
  Owners owners;
  JsonReader in(json);
  std::string_view key;
  if (in.Next() != JsonToken::kObject) return Fail(Reason::kInternalError, "no object");
  while (in.NextKey(key) && key != "metadata") in.Skip();
  if (in.failed() || in.Next() != JsonToken::kObject) {
    return Fail(Reason::kInternalError, "an object without metadata");
  }
  while (in.NextKey(key)) {
    if (key != "managedFields") {
      in.Skip();
    } else if (in.Next() == JsonToken::kArray) {
      TRY(ReadOwners(in.text().substr(in.position()), owners));
      return owners;
    }
  }
  if (in.failed()) return Fail(Reason::kInternalError, in.error());
  return owners;
}

}  // namespace

WrittenStruct::WrittenStruct(Object object)
    : type_(*object.kind().type), metadata_(&object.metadata()) {
  Owners().swap(metadata_->managed_fields);
  RoundTimes(type_, object.raw());
  object_ = std::move(object).Release();
}

void WrittenStruct::StoredAt(Revision revision) {
  metadata_->resource_version = std::to_string(revision.value);
}

std::shared_ptr<const WrittenStruct> WrittenStructOf(const KindInfo& kind, const Record& record) {
  // Nobody else attaches anything.
  auto written = std::static_pointer_cast<const WrittenStruct>(record.attached.lock());
  return written != nullptr && &written->type() == kind.type ? std::move(written) : nullptr;
}

std::optional<Object> CopyOfWritten(const KindInfo& kind, const Record& record) {
  const auto written = WrittenStructOf(kind, record);
  if (written == nullptr) return std::nullopt;
  const auto view = ObjectView::Of(record);
  if (!view) return std::nullopt;
  auto owners = OwnersIn(view->body());
  if (!owners) return std::nullopt;
  Object object = Object::CopyOf(kind, written->Share().get());
  object.metadata().managed_fields = *std::move(owners);
  return object;
}

}  // namespace skiff
