// watch: a source of frames over a store's cursor. An idle one costs its selector and a cursor;
// what an event looks like on the wire is made once and shared by all watchers of the same form.
#pragma once

#include <memory>

#include "api/type.h"
#include "apiserver/request/list_options.h"
#include "apiserver/request/media.h"
#include "apiserver/request/request_context.h"
#include "apiserver/storage/store.h"
#include "apiserver/watches/watch_counts.h"
#include "apiserver/watches/watch_state.h"
#include "base/clock.h"
#include "base/id.h"
#include "http/message.h"
#include "http/stream.h"

namespace skiff {

class OutboundPool;

inline constexpr Duration kWatchTimeMin = 1800s;
inline constexpr Duration kBookmarkPeriod = 60s;

struct WatchParts {
  Store& store;
  const Clock& clock;
  Random& random;
  WatchJobLoop* pages = nullptr;   // Reads states aside; null: they are read where they are sent.
  WatchJobLoop* frames = nullptr;  // Makes costly frames aside; null: the same.
  OutboundPool* outbound = nullptr;  // Where webhooks that convert are waited for; null: the same.
  // What a watch that names no timeout lasts at least, and up to twice as long; 0: without an end.
  Duration time_min = kWatchTimeMin;
  WatchCounts* counts = nullptr;  // Of what is sent; null: nobody counts.
};

// The answer to a watch request: headers at once, then the stream.
Result<http::Response> WatchObjects(const WatchParts& parts, const ApiRequest& request);

}  // namespace skiff
