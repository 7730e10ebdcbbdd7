// JSON bodies: as plain documents, and as objects of kinds.
#include "api/codec/json.h"

#include "api/codec/decode.h"
#include "api/codec/protobuf.h"
#include "api/codec/typed.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {

void CheckNormalForm(const Type& type, const Json& document) {
  const auto again = Normalize(type, document);
  CHECK(again.has_value());
  CHECK(*again == document);
  CHECK(*ParseJson(EncodeDocument(type, document)) == document);
  if (type.ops == nullptr) return;
  const std::unique_ptr<void, void (*)(void*)> object(type.ops->create(), type.ops->destroy);
  CHECK(FromJson(type, document, object.get()).has_value());
  (void)ToJson(type, object.get());
}

void JsonText(std::string_view bytes) {
  (void)PeekTypeMeta(bytes);
  const auto parsed = ParseJson(bytes);
  if (parsed) {
    const std::string text = DumpJson(*parsed);
    const auto again = ParseJson(text);
    CHECK(again.has_value());
    CHECK(DumpJson(*again) == text);
  }
  for (const Type* type : Kinds()) {
    const auto decoded = DecodeJson(*type, bytes, FieldValidation::kStrict);
    // Whatever is wrong with the text is wrong with it for every kind, but for a number beyond all
    // others: it is none where it is read, and fields that a kind does not have are not.
    CHECK(parsed || !decoded ||
          parsed.error().message.find("unmarshal number") != std::string::npos);
    if (decoded && decoded->document.is_object()) CheckNormalForm(*type, decoded->document);
  }
}

}  // namespace skiff::fuzz
