// Pulling from a source on a loop that carries thousands of other streams.
#pragma once

#include <cstddef>
#include <vector>

#include "http/stream.h"

namespace skiff::http {

// As StreamSource::Pull; kAbort where that throws, and what it gave in that call is dropped.
Pulled PullGuarded(StreamSource& source, size_t bytes_max, std::vector<SharedBytes>& out);

}  // namespace skiff::http
