// In which order services come, and what depends on itself.
#pragma once

#include <string>
#include <vector>

#include "cli/compose/mistakes.h"
#include "cli/compose/node.h"

namespace skiff::cli::compose {

// The names of the services, each behind those it depends on. Tells of the first circle that is
// met; then they come in some order.
std::vector<std::string> DependencyOrder(const Node& services, Mistakes& wrong);

}  // namespace skiff::cli::compose
