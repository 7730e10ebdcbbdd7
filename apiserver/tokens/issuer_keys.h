// The public keys of one issuer of tokens, learnt from it over HTTPS: discovery says where they
// are. From the start on, again every ten minutes, and when somebody shows a token by a key that is
// not known; whatever an issuer answers is bounded in size and time, and how often it is asked is,
// too. Keys that are known stay while it cannot be reached.
//
//   IssuerKeys keys({.url = "https://issuer"}, {calls, clock, wake});
//   Duration due = keys.Tend();                  // The step of a loop's thread.
//   if (const auto known = keys.Now()) ...       // Null: not yet.
//   keys.Await(deadline);                        // On a thread that may wait long.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/identity/outbound_calls.h"
#include "apiserver/tokens/json_web_key.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace skiff {

class IssuerKeys {
 public:
  struct Place {
    std::string url;
    std::string discovery_url = {};          // "": below the url.
    std::string certificate_authority = {};  // PEM; "": those of the system.
  };
  struct Parts {  // All outlive it.
    OutboundCalls& calls;
    const Clock& clock;
    std::function<void()> wake;  // The loop that tends it. Any thread.
  };
  IssuerKeys(Place place, Parts parts) : place_(std::move(place)), parts_(std::move(parts)) {}
  ~IssuerKeys();
  IssuerKeys(const IssuerKeys&) = delete;
  IssuerKeys& operator=(const IssuerKeys&) = delete;

  static constexpr Duration kRetry = 10s;  // While nothing is known.
  static constexpr Duration kRefresh = 10min;
  static constexpr Duration kPause = 2s;     // Between two questions because of unknown keys.
  static constexpr Duration kTimeMax = 10s;  // Of one answer.
  static constexpr size_t kAnswerBytesMax = size_t{1} << 20;
  static constexpr int kRedirectsMax = 5;

  // After how long to come back.
  Duration Tend();

  using Keys = std::shared_ptr<const std::vector<JsonWebKey>>;
  Keys Now() const;
  // Why there are none yet.
  std::string Fault() const;
  // Whether to ask for them anew may tell of others than those that are known.
  bool MayLearn() const;
  // Until they have been asked for anew, whatever came of it.
  void Await(std::chrono::steady_clock::time_point deadline);

  // Nobody waits any more, from now on.
  void Stop();

  // What metrics tell of it.
  struct Told {
    std::optional<TimePoint> succeeded, failed;
    std::string digest;  // Of the last set, as metrics have it; "": there was none.
  };
  Told told() const;
  const Place& place() const { return place_; }

 private:
  enum class Stage : uint8_t { kIdle, kDiscovery, kKeys };
  void Ask(Stage stage, const std::string& url);
  void Hear(const Result<WholeAnswer>& answer);
  Result<> HearDiscovery(const WholeAnswer& answer);
  Result<> HearKeys(const WholeAnswer& answer);
  void Finish(const Result<>& result);

  const Place place_;
  const Parts parts_;
  // Of the thread that tends it.
  Stage stage_ = Stage::kIdle;
  FetchPtr question_;
  Duration asked_at_ = Duration::zero();
  Duration due_ = Duration::zero();
  int redirects_ = 0;
  std::string asked_url_;
  std::string keys_url_;  // "": discovery has to say.

  mutable Mutex mutex_;
  mutable CondVar learnt_;
  Keys keys_ GUARDED_BY(mutex_);
  std::string fault_ GUARDED_BY(mutex_) = "it has not been asked yet";
  bool wanted_ GUARDED_BY(mutex_) = false;
  bool stopped_ GUARDED_BY(mutex_) = false;
  bool under_way_ GUARDED_BY(mutex_) = false;
  uint64_t rounds_ GUARDED_BY(mutex_) = 0;
  Duration ended_at_ GUARDED_BY(mutex_) = -kPause;  // Nobody is kept from the first question.
  Told told_ GUARDED_BY(mutex_);
};

// A request to a URL with https; Invalid where it is none.
Result<FetchPtr> BeginFetch(OutboundCalls& calls, const std::string& url,
                            const std::string& certificate_authority,
                            const std::string& bearer_token, size_t bytes_max, Duration time_max,
                            std::function<void()> told);

}  // namespace skiff
