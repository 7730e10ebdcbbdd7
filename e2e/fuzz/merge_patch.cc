// JSON merge patches.
#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/patch/patch.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {

void MergePatchText(std::string_view bytes) {
  const auto patch = ParseMergePatch(bytes);
  if (!patch) return;
  for (const Type* type : Kinds()) {
    const Json patched = ApplyMergePatch(patch->patch, LiveObject(*type));
    CHECK(ApplyMergePatch(patch->patch, patched) == patched);
    CHECK(ParseJson(PatchedText(*type, patch->patch, patched)).has_value());
    const auto decoded = DecodeJson(*type, DumpJson(patched), FieldValidation::kWarn);
    if (decoded) CheckNormalForm(*type, decoded->document);
  }
}

}  // namespace skiff::fuzz
