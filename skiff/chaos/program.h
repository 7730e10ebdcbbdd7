// `skiff chaos`: faults on show. docs/chaos.md says what users see of it.
#pragma once

#include <string>
#include <vector>

#include "skiff/chaos/record.h"

namespace skiff::chaos {

int ChaosMain(const std::vector<std::string>& args);

// The faults that are on here, for `skiff status`; nothing is made, waited for or undone.
std::vector<FaultOn> FaultsOn();

// For who takes a cluster down: ends its faults that are on here, and says so. The cluster is the
// one whose node, or all of it, keeps its data there; or that a kubeconfig of `up --docker` leads
// to.
void EndFaultsAt(const std::string& data_dir);
void EndFaultsInDocker(const std::string& kubeconfig);

}  // namespace skiff::chaos
