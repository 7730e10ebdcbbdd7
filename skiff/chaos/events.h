// Events that tell of faults, on the nodes and pods concerned.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "skiff/chaos/record.h"

namespace skiff::chaos {

// The one that tells of it about one of its objects. `reason`: ChaosStarted, ChaosStopped.
core_v1::Event MakeEvent(const Record& record, const core_v1::ObjectReference& object,
                         const std::string& reason, const std::string& message, TimePoint now);

// "netem of pod/a to pod/b: delay 100ms".
std::string WhatItIs(const Record& record);

// Writes one for each of its objects; none where it knows no cluster.
Result<> TellOf(const Record& record, const std::string& reason, const std::string& message);

// How long whoever ended a fault goes on trying to tell of it, however long each attempt takes.
inline constexpr Duration kTellingMax = 30s;
// Tells until it is heard, or that time is up, or `pause`, which waits for a moment, says that it
// is not to go on.
void TellUntilHeard(const Clock& clock, const std::function<bool()>& tell,
                    const std::function<bool()>& pause);

}  // namespace skiff::chaos
