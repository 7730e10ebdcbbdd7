// What the schema cannot say about an Event of either group.
#include "api/gen/core_v1.h"
#include "api/gen/events_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {

Rules CoreEventRules() {
  return Erase<core_v1::Event>({.allow_create_on_update = true});
}

Rules EventRules() {
  return Erase<events_v1::Event>({.allow_create_on_update = true});
}

}  // namespace skiff
