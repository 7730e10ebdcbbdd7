// JSON patches.
#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/patch/patch.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {

void JsonPatchText(std::string_view bytes) {
  const auto patch = ParseJsonPatch(bytes);
  if (!patch) return;
  for (const Type* type : Kinds()) {
    const auto patched = ApplyJsonPatch(*patch, LiveObject(*type));
    if (!patched) continue;
    CHECK(DepthOf(*patched, kJsonDepthMax + 1) <= kJsonDepthMax);
    const std::string shown = PatchedText(*type, TouchedBy(*patch), *patched);
    if (patched->is_object()) CHECK(ParseJson(shown).has_value());
    const auto decoded = DecodeJson(*type, DumpJson(*patched), FieldValidation::kWarn);
    if (decoded && decoded->document.is_object()) CheckNormalForm(*type, decoded->document);
  }
}

}  // namespace skiff::fuzz
