#include "apiserver/request/late_answer.h"

#include <exception>

#include "base/log.h"

namespace skiff {
namespace {

const Log kLateAnswerLog("late-answer");

}  // namespace

void LateAnswer::Answer(http::Response response, const http::Reply& reply) {
  if (!response.pending) return reply(std::move(response));
  const MutexLock lock(mutex_);
  if (left_) return;
  inner_ = std::move(response.pending);
  // Started under the lock: it does not block, and must not be dropped meanwhile.
  inner_->Start(reply);
}

void LateAnswer::Leave() {
  std::unique_ptr<http::PendingResponse> dropped;
  const MutexLock lock(mutex_);
  left_ = true;
  dropped.swap(inner_);
}

bool LateAnswer::left() const {
  const MutexLock lock(mutex_);
  return left_;
}

http::Response Guarded(const std::function<http::Response()>& handle,
                       const http::Request& request) {
  try {
    return handle();
  } catch (const std::exception& failure) {
    kLateAnswerLog.Error("handler threw", {{"path", request.path}, {"error", failure.what()}});
    http::Response response;
    response.status = 500;
    return response;
  }
}

}  // namespace skiff
