// The answer to a list. One that is short is made at once; what a long one has is read, and written
// in the form that the client takes, as the connection takes it:
//
//   request ─> worker: opens the list, makes the first of it ─> stream
//              connection's loop: takes pieces ─> few are left ─> job: makes more ─> wakes the loop
//
// So a list of a hundred thousand objects holds about a megabyte, and eight bytes an object. Nobody
// keeps the store from compacting meanwhile: to whom takes so long the answer breaks off.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <span>

#include "apiserver/request/list_options.h"
#include "apiserver/request/media.h"
#include "apiserver/request/request_context.h"
#include "apiserver/storage/store.h"
#include "apiserver/watches/watch_job_loop.h"
#include "base/error.h"
#include "base/processors.h"
#include "http/message.h"

namespace skiff {

class ComponentStatuses;
class OutboundPool;

// Where the pieces of long lists are made, no more of them at one time than there are processors:
// with more, requests for little would wait for a processor. Thread-safe; whoever owns it has the
// loops run.
class ListJobs {
 public:
  // Each list stays with the loop that it was given first.
  WatchJobLoop& Next() { return loops_[next_++ % used_]; }
  std::span<WatchJobLoop> loops() { return std::span(loops_).first(used_); }

 private:
  std::array<WatchJobLoop, 4> loops_;
  const size_t used_ = std::clamp<size_t>(UsableProcessors(), 1, loops_.size());
  std::atomic<size_t> next_ = 0;
};

struct ListParts {
  Store& store;
  ListJobs* jobs = nullptr;          // Null: pieces are made where they are taken.
  OutboundPool* outbound = nullptr;  // For what waits for webhooks that convert.
  const ComponentStatuses* components = nullptr;  // Null: those are not asked for.
};

// Whoever asks from within this process gets all of it as the body.
Result<http::Response> ListObjects(const ListParts& parts, const ApiRequest& request);
// What the options ask for, whatever the request says, once.
Result<http::Response> ListBy(const ListParts& parts, const ApiRequest& request,
                              const MediaType& media, const ListQuery& options);

}  // namespace skiff
