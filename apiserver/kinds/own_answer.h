// What became of a request that the server made of itself.
#pragma once

#include <string>

#include "base/error.h"
#include "http/message.h"

namespace skiff {

// Not so where somebody else was faster to change or to remove what it is about: that wakes us.
bool IsRefusal(const http::Response& answer);
// The message of a Status.
std::string SaidBy(const http::Response& answer);
// Fails with that message where it is a refusal.
Result<> UnlessRefused(const http::Response& answer);

}  // namespace skiff
