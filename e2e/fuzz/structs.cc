// JSON bodies straight into structs: what is said of them is what is said of the document that they
// are, and what was read is written and read again the same.
#include "api/codec/struct_text.h"

#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

using Object = std::unique_ptr<void, void (*)(void*)>;

Object MakeObject(const Type& type) {
  return {type.ops->create(), type.ops->destroy};
}

std::string TextOf(const Type& type, const Object& object) {
  std::string text;
  AppendStruct(type, object.get(), text);
  return text;
}

void CheckType(const Type& type, std::string_view bytes) {
  const Object object = MakeObject(type);
  const auto notes = DecodeStruct(type, bytes, FieldValidation::kStrict, object.get());
  const auto decoded = DecodeJson(type, bytes, FieldValidation::kStrict);
  CHECK(notes.has_value() == decoded.has_value());
  if (!notes) {
    CHECK(notes.error().message == decoded.error().message);
    return;
  }
  CHECK(notes->strict_errors == decoded->strict_errors);
  CHECK(notes->empty_lists == decoded->empty_lists);
  if (!decoded->document.is_object()) return;
  const Object around = MakeObject(type);
  CHECK(FromJson(type, decoded->document, around.get()).has_value());
  CHECK(ToJson(type, object.get()) == ToJson(type, around.get()));
  const std::string text = TextOf(type, object);
  CHECK(ParseJson(text).has_value());
  const Object again = MakeObject(type);
  CHECK(DecodeStruct(type, text, FieldValidation::kIgnore, again.get()).has_value());
  CHECK(TextOf(type, again) == text);
}

}  // namespace

void Structs(std::string_view bytes) {
  for (const Type* type : Kinds()) CheckType(*type, bytes);
}

}  // namespace skiff::fuzz
