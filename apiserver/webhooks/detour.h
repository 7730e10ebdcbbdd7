// A request that leaves its worker to be handled where waiting is no harm (outbound_pool.h). The
// client's connection waits meanwhile, as for any answer that is not there yet.
#pragma once

#include <functional>
#include <string>

#include "apiserver/webhooks/outbound_pool.h"
#include "http/message.h"

namespace skiff {

// Of an object that is written: as it came, as it is to be stored, and as others are shown it.
inline constexpr size_t kDetouredDocuments = 3;

// `handle` is run with a copy of the request; `refuse` makes the answer where there is no room, or
// none in time. `document_bytes`: what it takes beside the documents of its body and the questions
// of that, as of what is stored.
http::Response Detour(OutboundPool& pool, OutboundPool::Names names, const http::Request& request,
                      std::function<http::Response(const http::Request&)> handle,
                      std::function<http::Response(const http::Request&)> refuse,
                      size_t document_bytes = 0);

}  // namespace skiff
