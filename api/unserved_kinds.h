// Kinds that are kept and that nothing acts on, and what is said of each, lest its author waits.
// Whoever writes what acts on one takes its line away. Of some kinds it depends on the object: that
// is told by whoever has seen the others. Pure.
#pragma once

#include <string_view>

#include "api/type.h"

namespace skiff {

// "": something acts on it, as far as Kubernetes itself would.
std::string_view WhyUnserved(const KindInfo& kind);

}  // namespace skiff
