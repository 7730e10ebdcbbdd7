// Manifests from the web (-f https://...).
#pragma once

#include <string>

#include "cli/environment.h"

namespace skiff::cli {

bool IsUrl(const std::string& name);
// What a GET of it answers, without our credentials. Servers that fail (5xx, or no answer) are
// asked three times, a second apart; redirections are followed.
Result<std::string> ReadUrl(Environment& environment, const std::string& url);

}  // namespace skiff::cli
