// Calls that this server makes itself, of webhooks and of servers that answer for other versions:
// what is under way, and the TLS contexts for them.
//
//   const auto fetch = TRY(calls.Begin(std::move(upstream), std::move(request), {.told = ...}));
//   const auto answer = fetch->Wait(deadline);
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "base/mutex.h"
#include "client/fetch.h"
#include "http/client.h"

namespace skiff {

// TLS contexts of as many are kept; past it all are dropped, and made anew when they are needed.
inline constexpr size_t kOutboundContextsMax = 200;

// Of answers that are longer than answer_bytes_max, beyond that, and of all at one time.
inline constexpr size_t kLongAnswersBytesMax = size_t{64} << 20;

// Thread-safe.
class OutboundCalls {
 public:
  explicit OutboundCalls(http::Loops* loops) : loops_(loops) {}  // nullptr: nobody can be reached.

  // For connections by these; its server_name is left to the connection.
  Result<http::TlsContext> ContextFor(const http::ClientTls& tls);

  struct Wanted {
    size_t answer_bytes_max = 64 << 10;  // As of Fetch.
    size_t more_bytes_max = 0;  // As of Fetch::MayGrow; all long answers have kLongAnswersBytesMax.
    std::function<void()> told = nullptr;  // As of Fetch; null: who asks waits for the answer.
  };
  // Does not block. `upstream` has its TLS. Fails with ServiceUnavailable where nobody can be
  // reached, or not any more.
  Result<FetchPtr> Begin(http::Upstream upstream, http::ClientRequest request, Wanted wanted);
  // Holds up the caller, who is asked to come again later; false where he is not to, as all was
  // stopped.
  bool WaitUntil(Fetch::Deadline when);
  // For connections that the caller makes by himself; nullptr: none are made any more.
  http::Loops* loops();
  // Ends the wait for every answer there is, and begins nothing more. Any thread.
  void Stop();

 private:
  // Authorities, whether they matter, and by whose certificate and key.
  using Key = std::tuple<std::string, bool, std::string, std::string>;

  http::Loops* const loops_;
  const LongAnswersPtr long_answers_ = std::make_shared<LongAnswers>(kLongAnswersBytesMax);
  Mutex mutex_;
  std::map<Key, http::TlsContext> contexts_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
  CondVar stop_;
  std::set<std::weak_ptr<Fetch>, std::owner_less<>> under_way_ GUARDED_BY(mutex_);
};

}  // namespace skiff
