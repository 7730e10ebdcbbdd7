// Service account tokens are kept where pods read them: in the volume itself.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace skiff::kubelet {

// The token in that file while it is good: less than 80 % of its life has passed and it is younger
// than a day. nullopt asks for a new one.
std::optional<std::string> KeptToken(const std::string& path, int64_t lifetime_seconds,
                                     TimePoint now);

}  // namespace skiff::kubelet
