// What people call kinds of `why`, where no kind of the server has that name.
#pragma once

#include <string>

#include "cli/session.h"

namespace skiff::cli::why {

// "persistentvolumeclaims" of "claim" and "claims"; any other type as it is.
std::string TypeCalled(Session& session, const std::string& type);

}  // namespace skiff::cli::why
