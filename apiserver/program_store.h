// Which store a server stands on: the embedded one under its data directory, or an etcd cluster.
#pragma once

#include <memory>
#include <vector>

#include "apiserver/program.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/control_loop.h"

namespace skiff {

struct ProgramStore {
  std::unique_ptr<Store> store;
  // What the store needs done from time to time. They end before it does.
  std::vector<std::unique_ptr<ControlLoop>> loops;
};

// kInvalid names the flag that is wrong. `clock` outlives the store.
Result<ProgramStore> OpenProgramStore(const ApiServerFlags& flags, const Clock& clock);
// What can be said of the flags without opening anything.
Result<> CheckStoreFlags(const ApiServerFlags& flags);

}  // namespace skiff
