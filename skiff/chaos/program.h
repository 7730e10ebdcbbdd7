// `skiff chaos`: faults on show. docs/chaos.md says what users see of it.
#pragma once

#include <string>
#include <vector>

#include "skiff/chaos/record.h"
#include "skiff/progress.h"

namespace skiff::chaos {

int ChaosMain(const std::vector<std::string>& args);

// The faults that are on here, for `skiff status`; nothing is made, waited for or undone.
std::vector<FaultOn> FaultsOn();

// For who takes a cluster down: ends its faults that are on here, and says so, and what hinders it
// in a note. The cluster is that of this authority (PEM; "": it is not known); or the one whose
// node, or all of it, keeps its data there. False: some may be left.
bool EndFaultsOf(const std::string& authority, const Progress& say);
bool EndFaultsAt(const std::string& data_dir, const Progress& say);
// Says it to who types a command: notes on standard error.
void ShowEnded(const std::string& line);

}  // namespace skiff::chaos
