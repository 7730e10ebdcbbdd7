// What a stored object looks like: a small header, then its JSON.
//
// clang-format off
//   value   = be8 version (1)
//             be32 size of the header: the body begins there
//             be32 revision_at: where in the body the resourceVersion's digits begin
//                  (kNone: nowhere)
//             text uid
//             pairs labels
//             pairs fields      those that field selectors may name, with their values
//             body              JSON text to the end of the value
//   pairs   = be32 count, then as often: text name, text value
//   text    = be32 size, bytes
// clang-format on
//
// The header lets selectors decide without parsing JSON. It holds no offset beyond the place where
// the store inserts the revision, so the insertion invalidates nothing.
//
//   ObjectBody body = BodyOf(json);                       // "...,\"resourceVersion\":\"\",..."
//   StoredObject stored =
//       EncodeObject({.labels = labels, .fields = fields, .uid = uid, .body = body});
//   store.Apply({.key = key, .value = stored.value, .revision_at = stored.revision_at});
//   ...
//   const ObjectView view = TRY(ObjectView::Of(*record));
//   if (view.label("app") == "web" && view.field("spec.nodeName") == "n1") Send(view.body());
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/values.h"
#include "apiserver/storage/store.h"
#include "base/error.h"

namespace skiff {

// JSON text, and where in it the digits of the resourceVersion go; npos: nowhere.
struct ObjectBody {
  std::string text;
  size_t revision_at = std::string::npos;
};

// The compact text of an object with an empty metadata.resourceVersion, whatever it held before.
// Other members keep their order. Invalid UTF-8 becomes U+FFFD. A document without a metadata
// object has no place for the revision.
ObjectBody BodyOf(const Json& object);

struct NamedText {
  std::string_view name;
  std::string_view value;
  bool operator==(const NamedText&) const = default;
};

struct ObjectParts {
  std::span<const NamedText> labels;
  std::span<const NamedText> fields;
  std::string_view uid;
  const ObjectBody& body;
};

// Ready for Write::value and Write::revision_at.
struct StoredObject {
  std::string value;
  size_t revision_at = std::string::npos;
};
StoredObject EncodeObject(const ObjectParts& parts);

// Has the processor load what is read of a record first, while it is busy with another one: many
// lie in memory that nobody has touched for long.
void FetchSoon(const Record& record);

// What stands for the value of a record whose stored bytes cannot be read, which ObjectView::Of
// answers with that error.
std::string UnreadableValue(std::string_view why);
bool IsUnreadable(std::string_view value);
// Of a record as a list tells of it: with its key.
Error UnreadableInList(const Record& record);

// Reads a stored value without copying. Lives no longer than the record.
class ObjectView {
 public:
  // InternalError when the value is not one of EncodeObject's, is of a newer version or unreadable.
  static Result<ObjectView> Of(std::string_view value);
  static Result<ObjectView> Of(const Record& record) { return Of(record.value); }

  std::string_view uid() const { return uid_; }
  std::string_view body() const { return body_; }
  std::optional<std::string_view> label(std::string_view name) const { return Find(labels_, name); }
  std::optional<std::string_view> field(std::string_view name) const { return Find(fields_, name); }

  // Calls `visit(NamedText)` for each label, in the order they were encoded.
  template <typename Visit>
  void ForEachLabel(Visit visit) const {
    for (std::string_view rest = labels_; !rest.empty();) visit(TakePair(rest));
  }

  // The body around the digits of its resourceVersion; all of it is `before` when it has none.
  struct Pieces {
    std::string_view before;
    std::string_view revision;
    std::string_view after;
  };
  Pieces pieces() const;
  // The body with another resourceVersion: a deleted object is sent with that of its deletion.
  std::string BodyAt(Revision revision) const;

 private:
  // The pairs were checked by Of.
  static NamedText TakePair(std::string_view& rest);
  static std::optional<std::string_view> Find(std::string_view pairs, std::string_view name);

  std::string_view uid_;
  std::string_view labels_;  // Encoded pairs, without their count.
  std::string_view fields_;
  std::string_view body_;
  size_t revision_at_ = std::string::npos;
};

}  // namespace skiff
