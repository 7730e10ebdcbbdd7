// What the server does to requests and answers that pass through it to somebody else. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"

namespace skiff {

// As Go writes a path into a URL.
std::string EscapePath(std::string_view path);
// "?a=1&b=x+y" by name, as Go writes a query; "" without parameters.
std::string QueryText(std::vector<std::pair<std::string, std::string>> query);
// Whom a browser may show the answer to is this server's to say.
void RemoveCorsHeaders(http::Response& response);

}  // namespace skiff
