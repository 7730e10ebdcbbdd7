// A request that leaves its worker to be handled where waiting is no harm (outbound_pool.h). The
// client's connection waits meanwhile, as for any answer that is not there yet.
#pragma once

#include <functional>
#include <string>

#include "apiserver/webhooks/outbound_pool.h"
#include "http/message.h"

namespace skiff {

// `handle` is run with a copy of the request; `refuse` makes the answer where there is no room, or
// none in time.
http::Response Detour(OutboundPool& pool, OutboundPool::Names names, const http::Request& request,
                      std::function<http::Response(const http::Request&)> handle,
                      std::function<http::Response(const http::Request&)> refuse);

}  // namespace skiff
