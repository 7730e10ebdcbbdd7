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

Result<> ReadOwners(JsonReader& in, Owners& owners) {
  while (in.NextItem()) {
    const JsonToken token = in.Next();
    const size_t begin = in.begin();
    in.SkipEntered(token);
    if (in.failed()) break;
    const std::string_view text = in.text().substr(begin, in.position() - begin);
    TRY(DecodeOwnText(meta_v1::ManagedFieldsEntry::Describe(), text, &owners.emplace_back()));
  }
  return {};
}

// Of an object's text no more is read than its metadata.
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
      TRY(ReadOwners(in, owners));
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
