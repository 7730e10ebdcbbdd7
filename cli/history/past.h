// What was: revisions of the past, by number, by how long ago or by the time, as far as the server
// keeps them.
//
// skiff's own server knows which revision was the newest at a moment (/skiff/revisions). Others
// know revisions and no times. But each node renews its Lease every few seconds, and a Lease says
// when: read as of a revision it is a clock that stood still then. So the revision of a moment is
// found by halving, with some twenty small requests, and nothing is asked of the server that others
// do not answer. Who may see no Leases has the Events of his namespace, which tell less exactly.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "cli/session.h"

namespace skiff::cli {

struct Past {
  uint64_t revision = 0;
  // The moment that was asked for lies before what the server keeps: this is the oldest it has ...
  bool is_oldest = false;
  std::optional<TimePoint> at;  // ... and from when, where that is known.
  // So much before the moment lies what is found, of all that can be told of by Leases or Events:
  // what was written in between is not in it.
  Duration early{};
  Duration early_max{};  // So much earlier it may be, which nobody need be told.
  // Nothing was forgotten yet: that oldest one is the beginning of the cluster.
  bool is_whole() const { return is_oldest && revision == 1; }
};

// Fails of what is no moment, of which no server need be asked.
Result<> CheckMoment(const std::string& word);
// "10m" is as long ago, "2026-01-02T15:04:05Z" is then; "17" is that revision, whether or not the
// server has it still: one of the future is refused, as is a time of it.
Result<Past> FindPast(Session& session, const Clock& clock, const std::string& word);

// What is printed of a moment that is older than the past that is kept: "revision 7 on, which is
// less than 1h", or "later than" of a time.
std::string KeptFrom(const Past& past, const std::string& word, const std::string& since = "");
// And of one that is older than the cluster: "the cluster is as old as 1h", or "was there at" a
// time.
std::string ClusterThen(const std::string& word);
// A sentence of what is earlier than it was asked for, by more than Leases always are; "" else.
std::string EarlyNote(const Past& past);

// The error of a list as of `revision`: where that is no longer kept, what is. Of 0, as it is.
Error WithOldest(Session& session, const Error& error, uint64_t revision);

// The first of (below, end] of which `holds` is true, as it is of all after it; `end` is not asked
// about. A failure ends the search.
Result<uint64_t> FirstRevision(uint64_t below, uint64_t end,
                               const std::function<Result<bool>(uint64_t)>& holds);

}  // namespace skiff::cli
