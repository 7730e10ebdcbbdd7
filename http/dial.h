// Connects, and waits for that.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff::http {

// To the first of the addresses that takes it: a blocking socket. Each gets its part of the
// patience, and two seconds where there are that many. ServiceUnavailable: what was wrong with the
// first one, as Go's net.Dial says it ("dial tcp 10.0.0.7:80: connect: connection refused").
Result<int> DialAny(const std::vector<std::string>& addresses, int port, Duration patience);
// Of a host, which may be a name; a resolver takes the time that it takes.
Result<int> DialHost(const std::string& host, int port, Duration patience);

}  // namespace skiff::http
