// Events about objects, core/v1 form: repeated ones are counted, similar ones combined, floods
// dropped, as client-go's correlator does. Writing happens in a loop of its own, later.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "api/gen/core_v1.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"

namespace skiff {

enum class EventType : uint8_t { kNormal, kWarning };

// One event as reported, before it is correlated.
struct ReportedEvent {
  core_v1::ObjectReference object;
  EventType type;
  std::string reason;
  std::string message;
  std::string component;
  std::string host;
  TimePoint at;
  std::map<std::string, std::string> annotations = {};  // Of the Event, for programs that read it.
};

// What to write for a reported event.
struct EventWrite {
  std::string key;  // Under which the correlator remembers it.
  core_v1::Event event;
  bool patch = false;  // It exists already: count, lastTimestamp and message change.
};

// Decides whether and as what an event is written. One thread at a time; remembers at most
// kKeysMax keys, dropping the least recently used.
class EventCorrelator {
 public:
  static constexpr size_t kKeysMax = 4096;
  static constexpr int kBurst = 25;
  static constexpr Duration kRefill = 300s;
  static constexpr size_t kSimilarMax = 10;
  static constexpr Duration kSimilarWindow = 600s;

  // nullopt: dropped as a flood; it counts all the same.
  std::optional<EventWrite> Correlate(const ReportedEvent& reported);
  // The same write, if its predecessor has been written meanwhile.
  void Renew(EventWrite& write);
  // What was written under that key: later events of its kind patch it.
  void Wrote(const std::string& key, Ptr<core_v1::Event> written);
  // The event is gone at the server: the next one creates anew.
  void Lost(const EventWrite& write);

 private:
  struct Entry {
    double tokens = kBurst;
    TimePoint refilled;
    std::set<std::string> similar;  // Messages, until none came for the window's length.
    TimePoint similar_at;           // The last of them.
    int count = 0;                  // Of the same event, written or not,
    Time first;                     // and since when,
    std::string name;               // and as what.
    Ptr<core_v1::Event> last;
    std::list<const std::string*>::iterator recency;
  };
  Entry& Touch(const std::string& key, TimePoint now);
  // What to write for it, if it is; `key`: of its source.
  EventWrite Observe(const ReportedEvent& reported, std::string key);
  // Whether so many messages differ by now that this one stands for all. `key`: of what is alike.
  bool AreManySimilar(const std::string& key, const ReportedEvent& reported);
  // Whether its source has told too much.
  bool IsTooMuch(const std::string& key, TimePoint now);
  // Keys are long and begin alike: they are hashed, not compared with one another.
  std::unordered_map<std::string, Entry> entries_;
  std::list<const std::string*> recent_;  // Keys in `entries_`, most recent first.
};

// The queue of events to write and the loop that writes them, several at once but of the same event
// one after the other. Thread-safe.
//
// In a flood what events tell of goes first: each of them is a write as a pod's own are, of which
// it has as many. A flood begins when kFloodWaiting events wait, and is over when none does. For
// its first kFloodSlowMax, while more are reported, only kAtOnceInFloodMax are written at once; the
// others wait. After that, and when nothing was reported for kQuiet, as many as ever are, so that
// who tells much for long loses only what could not be written anyway.
class EventSink final : public ControlLoop {
 public:
  // More are dropped, as client-go's are when a thousand wait. The log says when that begins, and
  // how many it were.
  static constexpr size_t kQueueMax = 5000;
  // Of a message; what is beyond is cut off. Programs quote what users gave them, of any size.
  static constexpr size_t kMessageBytesMax = 12 << 10;
  static constexpr size_t kAtOnceMax = 32;
  static constexpr size_t kFloodWaiting = 100;
  static constexpr size_t kAtOnceInFloodMax = 1;  // As client-go does at all times.
  static constexpr Duration kFloodSlowMax = 30s;
  static constexpr Duration kQuiet = 500ms;
  static constexpr int kAttemptsMax = 12;
  static constexpr int kNamesMax = 1000;
  static constexpr Duration kRetryDelay = 10s;
  EventSink(Client& client, const Clock& clock)
      : client_(client), clock_(clock), answers_([this] { Wake(); }) {}
  void Add(ReportedEvent event);
  // Sends one event.
  Duration Step() override;

 private:
  // A write until it is over.
  struct Writing {
    EventWrite write;
    Ptr<core_v1::Event> sent;  // While it is created: write.event moved there.
    int attempts = 0;
    int names = 0;  // So many were taken.
    bool may_be_there = false;  // Nobody knows what came of a try to create it.
  };
  // The next that was reported, and is not dropped as a flood, into `held_`; false: none is.
  bool TakeReported();
  // How many may be on the way now.
  size_t AtOnceMax();
  // The next to be sent, as far as it may be now.
  std::optional<Writing> Next();
  void Send(Writing writing);
  void Patched(Writing writing, const Result<>& patched);
  void Created(Writing writing, const Result<Ptr<core_v1::Event>>& created);
  void Written(const std::string& key, Ptr<core_v1::Event> event);
  void Failed(Writing writing, const Error& error);

  Client& client_;
  const Clock& clock_;
  const Log log_{"events"};
  EventCorrelator correlator_;
  std::optional<EventWrite> held_;     // Waits for one of the same key.
  std::unordered_set<std::string> under_way_;  // Their keys.
  std::deque<Writing> again_;          // Those of them that could not be written.
  Duration not_before_ = Duration(0);  // Monotonic.
  Duration flood_began_ = kNever;      // The same; kNever: there is none.
  Duration reported_at_ GUARDED_BY(mutex_) = Duration(0);  // The last event; the same.
  Mutex mutex_;
  std::deque<ReportedEvent> queue_ GUARDED_BY(mutex_);
  uint64_t dropped_ GUARDED_BY(mutex_) = 0;  // Since there was room.
  Mailbox answers_;
};

// Thread-safe; never blocks.
class EventRecorder {
 public:
  EventRecorder(EventSink& sink, const Clock& clock, std::string component, std::string host)
      : sink_(sink), clock_(clock), component_(std::move(component)), host_(std::move(host)) {}
  template <Kind K>
  void Normal(const K& object, std::string reason, std::string message) {
    Report(ReferenceTo(K::Info(), object.metadata), EventType::kNormal, std::move(reason),
           std::move(message));
  }
  template <Kind K>
  void Warning(const K& object, std::string reason, std::string message) {
    Report(ReferenceTo(K::Info(), object.metadata), EventType::kWarning, std::move(reason),
           std::move(message));
  }
  // For references of another kind or with a fieldPath.
  void Report(core_v1::ObjectReference object, EventType type, std::string reason,
              std::string message, std::map<std::string, std::string> annotations = {});

 private:
  EventSink& sink_;
  const Clock& clock_;
  const std::string component_;
  const std::string host_;
};

core_v1::ObjectReference ReferenceTo(const KindInfo& info, const meta_v1::ObjectMeta& metadata);

}  // namespace skiff
