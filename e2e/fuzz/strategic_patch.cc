// Strategic merge patches.
#include "api/patch/strategic_merge.h"

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {

void StrategicPatch(std::string_view bytes) {
  const auto patch = ParseStrategicPatch(bytes);
  if (!patch) return;
  for (const Type* type : Kinds()) {
    const auto patched = ApplyStrategicPatch(*type, LiveObject(*type), patch->patch);
    if (!patched) {
      CHECK(!patched.error().message.empty());
      continue;
    }
    const auto decoded = DecodeJson(*type, DumpJson(*patched), FieldValidation::kWarn);
    if (decoded) CheckNormalForm(*type, decoded->document);
  }
}

}  // namespace skiff::fuzz
