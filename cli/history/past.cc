#include "cli/history/past.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/text/human_duration.h"
#include "base/flags.h"
#include "base/seconds.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

// Of those that are renewed no more, nothing can be told.
constexpr Duration kRenewedWithin = 60s;
// Where nodes keep theirs.
constexpr char kNodeLeases[] = "kube-node-lease";
// So exact are they: what nobody need be told.
constexpr Duration kRenewedEach = 10s;
// And so exact is our own server, where it is not exact to the revision.
constexpr Duration kSureTo = 1s;
// Where our own server says what was when.
constexpr char kRevisions[] = "/skiff/revisions";
// So far ahead another machine's clock may be.
constexpr Duration kAheadMax = 60s;

bool IsTooOld(const Error& error) {
  return error.reason == Reason::kExpired || error.reason == Reason::kGone;
}

template <typename T>
bool IsForbidden(const Result<T>& answer) {
  return !answer && answer.error().reason == Reason::kForbidden;
}

std::optional<uint64_t> NumberOf(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number > 0 ? std::optional(number) : std::nullopt;
}

std::optional<TimePoint> TimeOf(const Json& lease, const char* part, const char* field) {
  const auto time = Time::Parse(TextAt(lease, part, field));
  return time ? std::optional(time->point()) : std::nullopt;
}

// One Lease, as it was at any revision.
class LeaseClock {
 public:
  struct Reading {
    bool kept = true;                // Else that revision is too old.
    std::optional<TimePoint> shown;  // nullopt: it was not there then.
    uint64_t renewed_at = 0;         // The revision of that renewal.
  };

  // Those of nodes, which nobody else may write; of a cluster without any the others. `now`: what
  // was renewed after it tells no time.
  static Result<LeaseClock> Find(Session& session, TimePoint now) {
    LeaseClock clock(session);
    const auto of_nodes = session.api().List(Leases(), {.namespace_ = kNodeLeases});
    if (!of_nodes) return Fail(of_nodes.error());
    if (clock.Take(*of_nodes, now)) return clock;
    const auto others = session.api().List(Leases(), {});
    if (others && clock.Take(*others, now)) return clock;
    if (!others && !IsForbidden(others)) return Fail(others.error());
    return CliError(
        "nobody in this cluster renews a Lease, by which it could be told what revision was when: "
        "name a resourceVersion instead");
  }

  uint64_t newest() const { return newest_; }

  Result<Reading> At(uint64_t revision) {
    if (revision == 0) return Reading{.kept = false};
    const auto list = session_.api().List(Leases(), {.namespace_ = key_.namespace_,
                                                     .field_selector = "metadata.name=" + key_.name,
                                                     .resource_version = std::to_string(revision)});
    if (!list && IsTooOld(list.error())) return Reading{.kept = false};
    if (!list) return Fail(list.error());
    if (list->items.empty()) return Reading{};
    const Json& lease = list->items.front();
    return Reading{
        .shown = TimeOf(lease, "spec", "renewTime"),
        .renewed_at = NumberOf(TextAt(lease, "metadata", "resourceVersion")).value_or(0)};
  }

 private:
  explicit LeaseClock(Session& session) : session_(session) {}
  static Resource Leases() { return coordination_v1::Lease::Info(); }

  // The one that goes back the furthest of those that are renewed; false: none is.
  bool Take(const JsonList& list, TimePoint now) {
    newest_ = NumberOf(list.resource_version).value_or(0);
    TimePoint newest{};
    const auto renewal = [&](const Json& lease) {
      const auto renewed = TimeOf(lease, "spec", "renewTime");
      return renewed && *renewed <= now + kAheadMax ? renewed : std::nullopt;
    };
    for (const Json& lease : list.items) {
      newest = std::max(newest, renewal(lease).value_or(TimePoint{}));
    }
    std::optional<TimePoint> oldest;
    for (const Json& lease : list.items) {
      const auto renewed = renewal(lease);
      const auto made = TimeOf(lease, "metadata", "creationTimestamp");
      if (!renewed || !made || *renewed + kRenewedWithin < newest) continue;
      if (oldest && *oldest <= *made) continue;
      oldest = made;
      key_ = {TextAt(lease, "metadata", "namespace"), NameOf(lease)};
    }
    return oldest && newest_ > 0;
  }

  Session& session_;
  ObjectKey key_;
  uint64_t newest_ = 0;
};

Result<uint64_t> OldestKept(LeaseClock& clock) {
  return FirstRevision(0, clock.newest(), [&](uint64_t revision) -> Result<bool> {
    const auto reading = TRY(clock.At(revision));
    return reading.kept;
  });
}

Result<Past> PastAt(LeaseClock& clock, TimePoint moment) {
  // The first that was seen after the moment; all have been seen before it where there is none.
  const uint64_t after =
      TRY(FirstRevision(0, clock.newest() + 1, [&](uint64_t revision) -> Result<bool> {
        const auto reading = TRY(clock.At(revision));
        return reading.kept && reading.shown && *reading.shown > moment;
      }));
  const auto before = TRY(clock.At(after - 1));
  if (!before.kept) {
    const auto reading = TRY(clock.At(after));
    return Past{.revision = after, .is_oldest = true, .at = reading.shown};
  }
  if (!before.shown) {
    const uint64_t oldest = TRY(OldestKept(clock));
    return Past{.revision = oldest, .is_oldest = true};
  }
  // All that was written behind that renewal may have been written after the moment.
  const auto renewal = TRY(clock.At(before.renewed_at));
  return Past{.revision = renewal.kept ? before.renewed_at : after - 1,
              .at = before.shown,
              .early = Between(*before.shown, moment),
              .early_max = kRenewedEach};
}

// When an Event was written last, as far as it says so itself. That is then or before.
TimePoint WrittenAt(const Json& event) {
  TimePoint latest{};
  const auto take = [&](const std::string& text) {
    if (const auto time = Time::Parse(text)) latest = std::max(latest, time->point());
  };
  for (const char* field : {"firstTimestamp", "lastTimestamp", "eventTime"}) {
    take(TextAt(event, field));
  }
  take(TextAt(event, "series", "lastObservedTime"));
  take(TextAt(event, "metadata", "creationTimestamp"));
  return latest;
}

// By the Events of the session's namespace, for who may see no Leases: each says of its own
// revision when it was written. So what is found may be as much earlier than the moment as nothing
// happened there before it. nullopt: there are none, none is as old, or they may not be listed
// either.
Result<std::optional<Past>> PastByEvents(Session& session, TimePoint moment) {
  const auto list_at = [&](uint64_t revision) {
    ListOptions options{.namespace_ = session.namespace_()};
    if (revision > 0) options.resource_version = std::to_string(revision);
    return session.api().List(core_v1::Event::Info(), options);
  };
  const auto list = list_at(0);
  if (IsForbidden(list)) return std::nullopt;
  if (!list) return Fail(list.error());
  std::map<uint64_t, TimePoint> written;
  for (const Json& event : list->items) {
    const auto revision = NumberOf(TextAt(event, "metadata", "resourceVersion"));
    if (revision) written[*revision] = WrittenAt(event);
  }
  // What came later was written later, whatever it says.
  Past past;
  TimePoint latest{};
  for (const auto& [revision, time] : written) {
    latest = std::max(latest, time);
    if (latest > moment) break;
    past = {.revision = revision,
            .at = latest,
            .early = Between(latest, moment),
            .early_max = kRenewedEach};
  }
  if (past.revision == 0) return std::nullopt;
  const auto is_kept = [&](uint64_t revision) -> Result<bool> {
    const auto kept = list_at(revision);
    if (!kept && !IsTooOld(kept.error())) return Fail(kept.error());
    return kept.has_value();
  };
  if (TRY(is_kept(past.revision))) return past;
  const uint64_t newest = NumberOf(list->resource_version).value_or(past.revision);
  return Past {
    .revision = TRY(FirstRevision(past.revision, newest, is_kept))
    , .is_oldest = true
  };
}

Result<Past> PastWithoutLeases(Session& session, TimePoint moment) {
  if (const auto past = TRY(PastByEvents(session, moment))) return *past;
  return CliError(fmt::format(
      "you may not list the Leases of the namespace {0}, by which it is told what revision was "
      "when, and no Event of the namespace {1} that you may see is as old: name a resourceVersion "
      "instead, or have an administrator grant that right (skiff -n {0} create role clock "
      "--verb=list --resource=leases, and a rolebinding)",
      kNodeLeases, session.namespace_()));
}

}  // namespace

Result<uint64_t> FirstRevision(uint64_t below, uint64_t end,
                               const std::function<Result<bool>(uint64_t)>& holds) {
  while (end - below > 1) {
    const uint64_t middle = below + (end - below) / 2;
    const bool held = TRY(holds(middle));
    (held ? end : below) = middle;
  }
  return end;
}

Result<> CheckMoment(const std::string& word) {
  const auto ago = ParseGoDuration(word);
  if (NumberOf(word) || (ago && *ago > Duration::zero()) || Time::Parse(word)) return {};
  return CliError(
      fmt::format("\"{}\" is neither a resourceVersion, such as 1234, nor how long ago it was, "
                  "such as 10m, nor "
                  "a time, such as 2026-01-02T15:04:05Z",
                  word));
}

namespace {

// Before a server waits for what has not happened yet. Who may list neither is not kept from
// asking.
Result<> RequireHappened(Session& session, uint64_t revision) {
  const std::pair<Resource, std::string> seen[] = {{coordination_v1::Lease::Info(), kNodeLeases},
                                                   {core_v1::Event::Info(), session.namespace_()}};
  for (const auto& [resource, where] : seen) {
    const std::string path = TRY(resource.CollectionPath(where));
    // One item is enough to hear how far the store is.
    const auto list = session.api().Get(path, Query{{"limit", "1"}});
    if (!list) continue;
    const auto newest = NumberOf(TextAt(*list, "metadata", "resourceVersion"));
    if (!newest || *newest >= revision) return {};
    return CliError(
        fmt::format("revision {} is of the future: the newest is {}", revision, *newest));
  }
  return {};
}

}  // namespace

namespace {

// As our own server tells it; nullopt: it is none, or does not know.
Result<std::optional<Past>> AskServer(Session& session, const Query& query) {
  const auto answer = session.api().Get(kRevisions, query);
  if (!answer && answer.error().http_code == 0) return Fail(answer.error());
  if (!answer) return std::nullopt;
  const auto revision = NumberOf(TextAt(*answer, "resourceVersion"));
  if (!revision) return std::nullopt;
  Past past{.revision = *revision, .is_oldest = At(*answer, "oldest") == Json(true)};
  for (const char* field : {"since", "sureUntil"}) {
    if (const auto time = Time::Parse(TextAt(*answer, field))) past.at = time->point();
  }
  return past;
}

}  // namespace

Result<Past> FindPast(Session& session, const Clock& clock, const std::string& word) {
  TRY(CheckMoment(word));
  if (const auto revision = NumberOf(word)) {
    TRY(RequireHappened(session, *revision));
    return Past{.revision = *revision};
  }
  const auto time = Time::Parse(word);
  const TimePoint now = clock.Now();
  const TimePoint moment = time ? time->point() : Later(now, -*ParseGoDuration(word));
  if (moment > now) {
    return CliError(fmt::format("{} is of the future: it is {} now", word, Time(now).Rfc3339()));
  }
  // How long ago it was the server counts by its own clock.
  const Query query = {time ? std::pair<std::string, std::string>("at", word)
                            : std::pair<std::string, std::string>("ago", word)};
  if (auto told = TRY(AskServer(session, query))) {
    if (told->is_oldest) return *told;
    // Where others write to its etcd as well, it is sure up to then, and no more.
    if (told->at) told->early = std::max(Duration::zero(), Between(*told->at, moment));
    told->early_max = kSureTo;
    if (!told->at) told->at = moment;
    return *told;
  }
  auto lease = LeaseClock::Find(session, now);
  if (IsForbidden(lease)) return PastWithoutLeases(session, moment);
  if (!lease) return Fail(lease.error());
  return PastAt(*lease, moment);
}

std::string KeptFrom(const Past& past, const std::string& word, const std::string& since) {
  return fmt::format("revision {}{} on, which is {} {}", past.revision, since,
                     Time::Parse(word) ? "later than" : "less than", word);
}

std::string ClusterThen(const std::string& word) {
  return fmt::format("the cluster {} {}", Time::Parse(word) ? "was there at" : "is as old as",
                     word);
}

std::string EarlyNote(const Past& past) {
  if (past.is_oldest || past.early <= past.early_max) return "";
  return fmt::format(
      "nothing tells when what was written after revision {} was: that one is {} older than the "
      "moment",
      past.revision, HumanDuration(past.early));
}

Error WithOldest(Session& session, const Error& error, uint64_t revision) {
  if (revision == 0 || !IsTooOld(error)) return error;
  std::string oldest;
  const auto told = AskServer(session, {{"at", Time(TimePoint{} + 1s).Rfc3339()}});
  // What each shows does not matter here.
  if (told && *told && (*told)->is_oldest) {
    oldest = fmt::format("; the oldest is {}", (*told)->revision);
  } else if (auto clock = LeaseClock::Find(session, TimePoint::max() - kAheadMax)) {
    if (const auto found = OldestKept(*clock)) oldest = fmt::format("; the oldest is {}", *found);
  }
  return CliError(fmt::format("revision {} is no longer kept: the server forgets what is older "
                              "than some minutes (`skiff up --history`){}",
                              revision, oldest))
      .value();
}

}  // namespace skiff::cli
