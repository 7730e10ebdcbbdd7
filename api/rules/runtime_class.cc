// What the schema cannot say about a RuntimeClass.
#include "api/gen/node_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {

Rules RuntimeClassRules() {
  return Erase<node_v1::RuntimeClass>({
      .allow_create_on_update = true,
      .allow_unconditional_update = false,
  });
}

}  // namespace skiff
