// Which store a server stands on: the embedded one under its data directory, or an etcd cluster.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "apiserver/encryption/encryption.h"
#include "apiserver/server/program.h"
#include "apiserver/storage/store.h"
#include "apiserver/storage/store_moment.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/id.h"

namespace skiff {

struct ProgramStore {
  // What seals what the store keeps; nullptr: nothing does. Goes after the store.
  std::unique_ptr<Encryption> encryption;
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
  FindMoment find_moment;
  std::function<std::optional<uint64_t>()> bytes;  // Of ApiServer::Parts::store_bytes.
};

// kInvalid names the flag that is wrong. `clock` and `random` outlive the store.
Result<ProgramStore> OpenProgramStore(const ApiServerFlags& flags, const Clock& clock,
                                      Random& random);
// What can be said of the flags without opening anything.
Result<> CheckStoreFlags(const ApiServerFlags& flags);

}  // namespace skiff
