// Reads what Explain may need to know of an object, and no more, as the user: what they may not see
// is noted, and is no failure.
#pragma once

#include "cli/session.h"
#include "cli/why/facts.h"

namespace skiff::cli::why {

// `object` as the server has it. Fails when the server cannot be asked at all.
Result<Facts> Gather(Session& session, TimePoint now, Json object);

}  // namespace skiff::cli::why
