// What the schema cannot say about a LimitRange.
#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using core_v1::LimitRange;

void DefaultItem(core_v1::LimitRangeItem& item) {
  if (item.type == "Container") {
    item.default_.insert(item.max.begin(), item.max.end());
    item.default_request.insert(item.default_.begin(), item.default_.end());
    item.default_request.insert(item.min.begin(), item.min.end());
  }
  for (auto* list : {&item.max, &item.min, &item.default_, &item.default_request,
                     &item.max_limit_request_ratio}) {
    DefaultResourceList(*list);
  }
}

void SetDefaults(LimitRange& object) {
  for (auto& item : object.spec.limits) DefaultItem(item);
}

// A LimitRange may come without any name; its uid is then as good as any.
void Create(LimitRange& object) {
  Default(object.metadata.name, object.metadata.uid);
}

}  // namespace

Rules LimitRangeRules() {
  return Erase<LimitRange>({
      .set_defaults = SetDefaults,
      .prepare_create = Create,
      .allow_create_on_update = true,
  });
}

}  // namespace skiff
