// Who holds a fault, and undoes it: a process of its own, in a session of its own, for each one. It
// ends with the fault: when its time is up, or at SIGTERM.
#pragma once

#include <string>
#include <vector>

#include "skiff/chaos/record.h"

namespace skiff::chaos {

inline constexpr char kSupervise[] = "--supervise";  // The word that makes `skiff chaos` one.
inline constexpr char kIsOn[] = "on";                // What it says on kHandedFd when it is on.

// Does what undoes it, as far as there is anything left to undo. Can be repeated.
Result<> Undo(const Record& record);

// In the environment of its supervisor, and so of all that this one runs, there is its record's id.
inline constexpr char kSupervisedVariable[] = "SKIFF_CHAOS";

// The same of those that stand in for it where no kernel does (Plan::stays): shells that wait until
// the time is up, and undo it then.
inline constexpr char kStandInVariable[] = "SKIFF_CHAOS_STAND_IN";

// What a supervisor that was killed had begun, a command of nft for one, goes on without it, and
// may do what has just been undone: it has `patience` to end, and is ended then.
void AwaitLeftBehind(const Record& record, Duration patience = std::chrono::seconds(2));

// Starts the supervisor of a record that is saved, and returns when the fault is on. An error says
// why it is not, and that nothing of it is left.
Result<> StartSupervisor(const std::string& directory, const std::string& id);

// The supervisor itself.
int Supervise(const std::string& directory, const std::string& id);

}  // namespace skiff::chaos
