// A lock that another process has for a while only, taken without waiting for it for ever.
#pragma once

#include <functional>
#include <stop_token>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

// Until `try_lock` says true: it tries once, does not wait, and leaves in errno why it could not.
// kConflict: for all of `patience` another one had it, or `stop` was requested; kForbidden: the
// system refuses, for the reason in the message. On the machine's own clock.
Result<> LockWithin(Duration patience, const std::function<bool()>& try_lock,
                    std::stop_token stop = {});

}  // namespace skiff
