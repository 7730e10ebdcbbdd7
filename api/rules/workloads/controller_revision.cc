// What the schema cannot say about a ControllerRevision.
#include "api/codec/json.h"
#include "api/gen/apps_v1.h"
#include "api/patch/patch.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using apps_v1::ControllerRevision;

void ValidateRevision(const ControllerRevision& object, Violations& out) {
  ValidateNonNegative(object.revision, FieldPath("revision"), out);
}

void Validate(const ControllerRevision& object, Violations& out) {
  ValidateRevision(object, out);
  const FieldPath data("data");
  const auto parsed = ParseJson(object.data.Text());
  if (!parsed) {
    out.Invalid(data, "<value omitted>", "error parsing data: " + parsed.error().message);
  } else if (parsed->is_null()) {
    out.Required(data, "data is mandatory");
  } else if (!parsed->is_object()) {
    out.Required(data, "data must be a valid JSON object");
  }
}

void ValidateUpdate(const ControllerRevision& object, const ControllerRevision& old,
                    Violations& out) {
  ValidateRevision(object, out);
  // By their very text: a patch that sorts its members, or drops blanks, changes it.
  if (object.data == old.data) return;
  out.Invalid(FieldPath("data"),
              Printed::Verbatim(PatchedRawText(object.data.Text(), nullptr, Json())),
              kFieldImmutable);
}

}  // namespace

constexpr RulesOf<ControllerRevision> kTypedControllerRevisionRules = {
    .validate = Validate,
    .validate_update = ValidateUpdate,
};
constinit const Rules kControllerRevisionRules = Erase<kTypedControllerRevisionRules>();

}  // namespace skiff
