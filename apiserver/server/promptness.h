// Which requests are tried on the loop that owns the connection, and which of those only in their
// turn (decision 0057). What is tried may still turn out to be a worker's. Pure.
#pragma once

#include "apiserver/request/request_info.h"
#include "http/message.h"

namespace skiff {

enum class Promptness {
  kWorker,  // Long, or it may have to wait.
  kInTurn,  // It takes as long as many small ones.
  kAtOnce,  // Small, and such as memory may hold.
};
Promptness PromptnessOf(const http::Request& request, const RequestInfo& info);

}  // namespace skiff
