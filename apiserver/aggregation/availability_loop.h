// Finds out whether the servers answer that APIServices name, and writes what it found into the
// condition Available, as kube-aggregator's availability controller does. Requests are passed on
// to those alone of which it says so.
//
//   an APIService, its Service or who is behind it changes ─┐
//   its time has come (30 s; sooner where it failed) ───────┴─> look at the Service
//        ──fault──> the condition    ──none──> ask it five times at once ──> the condition
//
// One answer of the five is enough: where several servers are behind a Service, some may be away.
//
// Sleeps while no APIService names another server. Waits for no other server: answers wake it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/aggregation/api_services.h"
#include "apiserver/aggregation/backends.h"
#include "apiserver/aggregation/service_check.h"
#include "apiserver/server/core.h"
#include "apiserver/watches/prefix_bell.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/message.h"

namespace skiff {

class AvailabilityLoop final : public ControlLoop {
 public:
  // Answers as to the server's own hand.
  using Ask = std::function<http::Response(const http::Request&)>;
  struct Parts {
    Store& store;
    const Clock& clock;
    ApiServices& services;
    Backends& backends;
    MetricRegistry& metrics;
    Ask ask;
    std::string own_host;  // "[::1]:6443", as its machine reaches this server.
  };
  explicit AvailabilityLoop(Parts parts);
  ~AvailabilityLoop() override;

  static constexpr Duration kHealthyPeriod = 30s;
  static constexpr Duration kFirstRetry = 5ms;
  static constexpr Duration kRetryMax = 30s;
  // When one that answers is looked at again: at its own moment of each period, whenever it was
  // looked at last. So who has gone away is missed after half a period on average, and not all
  // are asked at once.
  static Duration NextLook(Duration now, std::string_view uid);

  Duration Step() override;

 private:
  struct Watched {
    RemoteServicePtr remote;
    std::string fingerprint;
    struct Question {
      FetchPtr fetch;
      std::string url;
    };
    std::vector<Question> questions;     // Under way.
    std::optional<Availability> failed;  // What came of the last one that did not pass.
    Duration asked_at = Duration::zero();
    Duration due = Duration::zero();
    Duration retry = kFirstRetry;
    std::optional<Availability> said;  // nullopt: not looked at yet.
    bool is_contradicted = false;          // The object said the opposite when it was followed.
    // When it was asked because of that.
    Duration doubted_at = -kHealthyPeriod;
  };
  bool HasRung();
  void Follow(const ApiServiceTable& table);
  // When it is to be looked at again.
  Duration Tend(Watched& watched, bool rung);
  void Look(Watched& watched, bool rung);
  // Whether to ask now because somebody else has written the opposite of what we said: once in a
  // period, as he may be a server of the same store that sees something else.
  bool Doubts(const Watched& watched) const;
  void AskAll(Watched& watched);
  void AskOnce(Watched& watched);
  void Hear(Watched& watched);
  static void DropQuestions(Watched& watched);
  void Say(Watched& watched, Availability availability);
  struct Writing {
    const std::string& name;
    const std::string& uid;
    // Somebody else's word is left as it is, until it is our turn to look again: servers of one
    // store that see different things would write one over the other for ever.
    bool only_where_missing = false;
  };
  Result<> Write(const Writing& writing, const Availability& availability);
  void Count(const RemoteService& remote, const std::optional<Availability>& before,
             const Availability& now);

  const Parts parts_;
  const Log log_{"aggregation"};
  PrefixBell api_services_;
  PrefixBell services_;
  PrefixBell slices_;
  std::map<std::string, Watched> watched_;  // By APIService.
  Duration looked_at_ = -kHealthyPeriod;    // Monotonic.
  bool rung_ = false;                       // And not looked since.
  CounterFamily& became_unavailable_;
  // For whoever asks for metrics.
  struct Gauges {
    Mutex mutex;
    std::map<std::string, bool> available GUARDED_BY(mutex);
  };
  const std::shared_ptr<Gauges> gauges_ = std::make_shared<Gauges>();
};

}  // namespace skiff
