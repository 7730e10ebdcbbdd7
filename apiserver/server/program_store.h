// Which store a server stands on: the embedded one under its data directory, or an etcd cluster.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "apiserver/server/program.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/control_loop.h"

namespace skiff {

struct ProgramStore {
  std::unique_ptr<Store> store;
  // Makes durable what the server wrote by itself, and from then on every write before it is
  // acknowledged. Called once, before the first request is taken.
  std::function<Result<>()> settle;
  // What the store needs done from time to time. They end before it does.
  std::vector<std::unique_ptr<ControlLoop>> loops;
  // The same for what the store itself owns.
  std::vector<ControlLoop*> own_loops;
  // As ApiServer::Parts.
  std::function<Result<>()> alive;
  std::function<Result<>()> ready;
  std::function<Result<std::string>()> checkpoint;
};

// kInvalid names the flag that is wrong. `clock` outlives the store.
Result<ProgramStore> OpenProgramStore(const ApiServerFlags& flags, const Clock& clock);
// What can be said of the flags without opening anything.
Result<> CheckStoreFlags(const ApiServerFlags& flags);

}  // namespace skiff
