// What servers remember of logins to the console, in the store that they share: so once is once,
// whichever of them is asked, and started anew or not.
//
//   /registry/skiff-console/SET/ID   {"owner": ..., "until": ..., "text": ...}
//
//   links        one that was made and not used yet, for its minute (console_sessions.h)
//   challenges   one that led to a login, for its minute (console_challenges.h)
//   ended        a session that was logged out, until it would have ended by itself
//
// Each has an end, and each set a bound: whoever adds one takes away those that are over. Owners
// are there as digests. The servers of a cluster have clocks of their own: what must not be known
// twice stays for longer than what it is of, by as much as clocks may differ.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

// By which the clocks of two servers of a cluster may differ.
inline constexpr std::chrono::seconds kServerClocksApartMax{10};

struct ConsoleRecord {
  std::string id;         // As a digest in hex: nothing that a key may not have.
  std::string owner;      // Whose room it takes.
  TimePoint until;        // To the second.
  std::string text = {};  // ASCII.
};

// nullopt for what is none.
std::optional<ConsoleRecord> ReadConsoleRecord(const Record& record);

// Thread-safe. All of it may wait for the store.
class ConsoleRecords {
 public:
  struct Limits {
    size_t own_max;  // Of one owner.
    size_t all_max;
    bool oldest_goes = false;  // Of an owner who has as many; else he gets no more.
  };

  // Both outlive it. `set` is a constant.
  ConsoleRecords(Store& store, const Clock& clock, std::string_view set, Limits limits);

  // AlreadyExists; TooManyRequests. Of servers that add at the same moment each may go one beyond
  // the bounds.
  Result<> Add(const ConsoleRecord& record);
  // Adds it, or writes over it, and all else of its owner goes.
  Result<> PutForAll(const ConsoleRecord& record);
  // It is gone by that, for one caller only. NotFound, also for one that is over.
  Result<ConsoleRecord> Take(const std::string& id);

  const std::string& prefix() const { return prefix_; }

 private:
  // Those that are not over; what is goes.
  Result<std::vector<ConsoleRecord>> Current();
  Result<> Write(const ConsoleRecord& record, Precondition expect);
  void Remove(const std::string& id);

  Store& store_;
  const Clock& clock_;
  const std::string prefix_;
  const Limits limits_;
};

}  // namespace skiff
