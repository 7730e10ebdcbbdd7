// How fast a client asks its server, as client-go's clients do: who may ask `qps` times a second
// asks `burst` times at once first, and then waits for its turn.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/transport.h"

namespace skiff {

// As --kube-api-qps and --kube-api-burst, or clientConnection of a configuration file, say it.
struct RateLimit {
  double qps = 0;  // Negative: there is no limit. 0: client-go's own, 5, and a burst of 10.
  int burst = 0;
  bool operator==(const RateLimit&) const = default;
};

// Invalid, in client-go's words: a limit that nothing would ever pass.
Result<> CheckRateLimit(const RateLimit& limit);

// A bucket that is full at first. Not thread-safe.
class TokenBucket {
 public:
  // `limit` has passed CheckRateLimit.
  explicit TokenBucket(const RateLimit& limit);
  // Takes one, perhaps one of the future, and says how long it is until then. `now` never goes
  // back.
  Duration Take(Duration now);

 private:
  double qps_;
  double burst_;
  double tokens_;  // Negative: so many of the future are taken.
  Duration filled_ = Duration(0);
};

// Holds requests back; a stream counts once, when it is asked for. Lives no longer than `below`.
class LimitedTransport final : public Transport {
 public:
  // Of a wait as long as that the log tells, every ten seconds at most.
  static constexpr Duration kLongWait = 1s;
  static constexpr Duration kTellEvery = 10s;

  // `limit` has passed CheckRateLimit. `clock` goes as fast as time does.
  LimitedTransport(Transport& below, const RateLimit& limit, const Clock& clock);
  // Waits for its turn on the caller's thread.
  http::Response Send(http::Request request) override;
  // Who waits, or comes later, is answered at once that nothing is sent any more. Any thread.
  void Close();

 private:
  // False: closed meanwhile.
  bool AwaitTurn(const http::Request& request);

  Transport& below_;
  const Clock& clock_;
  const bool is_limited_;
  const Log log_{"client"};
  Mutex mutex_;
  CondVar closing_;
  TokenBucket bucket_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
  Duration tell_from_ GUARDED_BY(mutex_) = Duration(0);
};

}  // namespace skiff
