#include "apiserver/webhooks/detour.h"

#include <exception>
#include <memory>

#include "base/log.h"
#include "base/mutex.h"

namespace skiff {
namespace {

const Log kDetourLog("detour");

// An answer that is itself one still to come lives as long as the client waits for it.
class Waiting {
 public:
  void Answer(http::Response response, const http::Reply& reply) {
    if (!response.pending) return reply(std::move(response));
    http::PendingResponse* pending = nullptr;
    {
      const MutexLock lock(mutex_);
      if (left_) return;
      inner_ = std::move(response.pending);
      pending = inner_.get();
      // Started under the lock: it does not block, and must not be dropped meanwhile.
      pending->Start(reply);
    }
  }
  void Leave() {
    std::unique_ptr<http::PendingResponse> dropped;
    const MutexLock lock(mutex_);
    left_ = true;
    dropped.swap(inner_);
  }
  bool left() const {
    const MutexLock lock(mutex_);
    return left_;
  }

 private:
  mutable Mutex mutex_;
  bool left_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<http::PendingResponse> inner_ GUARDED_BY(mutex_);
};

using Handle = std::function<http::Response(const http::Request&)>;

// As on the worker that the request came to: what throws harms its own request alone.
http::Response Guarded(const Handle& handle, const http::Request& request) {
  try {
    return handle(request);
  } catch (const std::exception& failure) {
    kDetourLog.Error("handler threw", {{"path", request.path}, {"error", failure.what()}});
    http::Response response;
    response.status = 500;
    return response;
  }
}

class DetouredAnswer final : public http::PendingResponse {
 public:
  DetouredAnswer(OutboundPool& pool, OutboundPool::Names names, const http::Request& request,
                 Handle handle, Handle refuse)
      : pool_(pool),
        names_(std::move(names)),
        request_(std::make_shared<const http::Request>(request)),
        handle_(std::move(handle)),
        refuse_(std::move(refuse)) {}
  ~DetouredAnswer() override { waiting_->Leave(); }

  void Start(http::Reply reply) override {
    const auto work = [waiting = waiting_, request = request_, handle = std::move(handle_),
                       reply]() {
      // Who has left before his turn wants nothing any more.
      if (waiting->left()) return;
      waiting->Answer(Guarded(handle, *request), reply);
    };
    // Its body, which counts no longer among those that the server takes in.
    const bool taken = pool_.Submit(std::move(names_), work, request_->body.size());
    if (!taken) reply(refuse_(*request_));
  }

 private:
  OutboundPool& pool_;
  OutboundPool::Names names_;
  const std::shared_ptr<const http::Request> request_;
  Handle handle_;
  const Handle refuse_;
  const std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

}  // namespace

http::Response Detour(OutboundPool& pool, OutboundPool::Names names, const http::Request& request,
                      Handle handle, Handle refuse) {
  http::Response response;
  response.pending = std::make_unique<DetouredAnswer>(pool, std::move(names), request,
                                                      std::move(handle), std::move(refuse));
  return response;
}

}  // namespace skiff
