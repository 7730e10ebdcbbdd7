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

// Starts the supervisor of a record that is saved, and returns when the fault is on. An error says
// why it is not, and that nothing of it is left.
Result<> StartSupervisor(const std::string& directory, const std::string& id);

// The supervisor itself.
int Supervise(const std::string& directory, const std::string& id);

}  // namespace skiff::chaos
