// What -v shows of the requests: from 5 on that a watch had its time, from 6 on a line for each
// answer, from 7 on the request before it with its headers, from 8 on the answer's headers and both
// bodies, cut short up to 9. In the form of client-go's log; who asks is never in it.
#pragma once

#include <memory>

#include "cli/environment.h"
#include "client/transport.h"

namespace skiff::cli {

inline constexpr int kLogsEndsOfWatches = 5;
inline constexpr int kLogsRequests = 6;

// `inner` with that log on standard error. `environment` outlives it.
std::unique_ptr<Transport> LogRequests(std::unique_ptr<Transport> inner, Environment& environment,
                                       const HttpsOptions& options);

// A line of that log, with its newline; `place` is where kubectl writes it: "prune.go:71".
std::string LogLine(Environment& environment, char severity, std::string_view place,
                    std::string_view text);

}  // namespace skiff::cli
