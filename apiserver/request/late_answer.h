// The answer to a request that another thread handles while its client's connection waits.
//
//   waiting->Answer(Guarded(handle, request), reply);   // Where it is handled.
//   waiting->Leave();                                   // When the client does.
#pragma once

#include <functional>
#include <memory>

#include "base/mutex.h"
#include "http/message.h"

namespace skiff {

// Thread-safe. An answer that is itself one still to come lives as long as the client waits for it.
class LateAnswer {
 public:
  // Once. One that is still to come is told to `reply` when it comes, unless the client has left;
  // one that is there, in any case.
  void Answer(http::Response response, const http::Reply& reply);
  // The client is gone, and nobody waits for what is still to come.
  void Leave();
  bool left() const;

 private:
  mutable Mutex mutex_;
  bool left_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<http::PendingResponse> inner_ GUARDED_BY(mutex_);
};

// As on the worker that the request came to: what throws harms its own request alone.
http::Response Guarded(const std::function<http::Response()>& handle, const http::Request& request);

}  // namespace skiff
