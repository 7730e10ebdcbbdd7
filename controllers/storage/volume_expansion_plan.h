// Which claims wait for somebody to make their volume larger. Pure.
#pragma once

#include "api/gen/core_v1.h"

namespace skiff {

// Whether the claim asks for more than its volume has, as far as is known.
bool WantsMore(const core_v1::PersistentVolumeClaim& claim);
// Whether the claim would hear of it now that was not so at `before` (which may be nullptr): it has
// asked for more, or got some of it.
bool IsNewWish(const core_v1::PersistentVolumeClaim* before,
               const core_v1::PersistentVolumeClaim& now);

}  // namespace skiff
