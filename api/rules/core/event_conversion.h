// core/v1 Event <-> events.k8s.io/v1 Event: the same object under two sets of names.
#pragma once

#include "api/values.h"

namespace skiff {

Json EventFromCoreEvent(const Json& event);
Json CoreEventFromEvent(const Json& event);

}  // namespace skiff
