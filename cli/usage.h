// What may follow a verb on its command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skiff::cli {

// Of "create secret tls": "NAME --cert=path/to/cert/file ..."; "" for a verb that takes nothing.
std::string_view ArgumentsOf(std::string_view verb);
// What the verb is for, in a sentence; "" where that is said of none.
std::string_view PurposeOf(std::string_view verb);
// The verbs below this one, as "deployment" is below "create".
std::vector<std::string> VerbNamesBelow(std::string_view verb);
// A line for each of them, with its purpose.
std::string VerbsBelow(std::string_view verb);

}  // namespace skiff::cli
