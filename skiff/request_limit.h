// How many requests a second a program may send (--kube-api-qps, --kube-api-burst), as client-go
// counts: watches are free.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/mutex.h"
#include "client/transport.h"

namespace skiff {

struct RequestRate {
  double qps = 0;  // 0 and less: there is no limit.
  int burst = 0;   // How many at once after a pause.
  bool is_limited() const { return qps > 0; }
};

// A token bucket. Pure.
class TokenBucket {
 public:
  explicit TokenBucket(RequestRate rate) : rate_(rate), tokens_(rate.burst) {}
  // Takes a token; how long from `now` (monotonic) until it is there.
  Duration Take(Duration now);

 private:
  const RequestRate rate_;
  double tokens_;  // Below zero: so many are promised.
  Duration counted_at_ = Duration(0);
};

// Sends by `below`, each request when there is a token for it.
class LimitedTransport final : public Transport {
 public:
  LimitedTransport(Transport& below, RequestRate rate, const Clock& clock)
      : below_(below), clock_(clock), bucket_(rate) {}
  http::Response Send(http::Request request) override;
  // From now on nobody waits.
  void Open();

 private:
  void AwaitTurn();

  Transport& below_;
  const Clock& clock_;
  Mutex mutex_;
  CondVar opened_;
  TokenBucket bucket_ GUARDED_BY(mutex_);
  bool is_open_ GUARDED_BY(mutex_) = false;
};

}  // namespace skiff
