// What was: revisions of the past, by number or by how long ago, as far as the server keeps them.
//
// A store knows revisions and no times. But each node renews its Lease every few seconds, and a
// Lease says when: read as of a revision it is a clock that stood still then. So the revision of a
// moment is found by halving, with some twenty small requests, and nothing is asked of the server
// that other servers do not answer. Who may see no Leases has the Events of his namespace, which
// tell less exactly.
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
  // Nothing was forgotten yet: that oldest one is the beginning of the cluster.
  bool is_whole() const { return is_oldest && revision == 1; }
};

// Fails of what is no moment, of which no server need be asked.
Result<> CheckMoment(const std::string& word);
// "10m" is as long ago; "17" is that revision, whether or not the server has it still: one of the
// future is refused.
Result<Past> FindPast(Session& session, const Clock& clock, const std::string& word);

// The error of a list as of `revision`: where that is no longer kept, what is. Of 0, as it is.
Error WithOldest(Session& session, const Error& error, uint64_t revision);

// The first of (below, end] of which `holds` is true, as it is of all after it; `end` is not asked
// about. A failure ends the search.
Result<uint64_t> FirstRevision(uint64_t below, uint64_t end,
                               const std::function<Result<bool>(uint64_t)>& holds);

}  // namespace skiff::cli
