#include "skiff/chaos/ending.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "skiff/chaos/checks.h"
#include "skiff/chaos/events.h"
#include "skiff/chaos/supervisor.h"

namespace skiff::chaos {
namespace {

constexpr Duration kStopPatience = 20s;
// For the Event that tells of the end; whose cluster is taken down needs none.
constexpr Duration kTellingPatience = 2s;

bool IsThere(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

Result<std::vector<Record>> Sweep(const std::string& directory, const Records& records) {
  std::vector<Record> living;
  for (Record& record : TRY(records.All())) {
    if (record.supervisor.pid != 0 && IsAlive(record.supervisor)) {
      living.push_back(std::move(record));
      continue;
    }
    AwaitLeftBehind(record);
    if (const auto undone = Undo(record); !undone) {
      return Fail(undone.error().reason,
                  fmt::format("{} ({}) was left behind and cannot be undone: {}; mend that, and "
                              "run `skiff chaos ls` again",
                              record.id, WhatItIs(record), undone.error().message));
    }
    RemoveRecord(directory, record.id);
    std::fprintf(stderr, "%s (%s) had lost its supervisor: what was left of it is undone\n",
                 record.id.c_str(), WhatItIs(record).c_str());
    // Whether anybody can be told decides nothing.
    (void)TellOf(record, "ChaosStopped", WhatItIs(record) + " had lost its supervisor: undone");
  }
  return living;
}

Result<> EndFault(const std::string& directory, const Record& record) {
  const SystemClock clock;
  const Duration deadline = clock.Monotonic() + kStopPatience;
  const std::string path = RecordPath(directory, record.id);
  SignalProcess(record.supervisor, SIGTERM);
  while (IsThere(path)) {
    constexpr Duration kMoment = 20ms;
    const bool is_gone = WaitUntilGone(record.supervisor, kMoment);
    if (!IsThere(path)) break;
    if (!is_gone && clock.Monotonic() < deadline) continue;
    StopProcess(record.supervisor, 0ns);
    AwaitLeftBehind(record);
    TRY(Undo(record));
    RemoveRecord(directory, record.id);
  }
  std::printf("%s (%s) is undone\n", record.id.c_str(), WhatItIs(record).c_str());
  std::fflush(stdout);  // Before an error, too.
  return {};
}

Result<> EndFaults(const std::string& directory, const std::string& authority) {
  if (authority.empty() || !IsThere(directory)) return {};
  const auto records = TRY(Records::Open(directory));
  Result<> ended;
  std::vector<ProcessId> supervisors;
  for (const Record& record : TRY(Sweep(directory, records))) {
    if (!ShareAnAuthority(record.authority, authority)) continue;
    // One that cannot be ended keeps nobody from ending the others.
    if (auto done = EndFault(directory, record); !done) ended = std::move(done);
    supervisors.push_back(record.supervisor);
  }
  const SystemClock clock;
  const Duration deadline = clock.Monotonic() + kTellingPatience;
  for (const ProcessId& supervisor : supervisors) {
    const Duration left = std::max<Duration>(deadline - clock.Monotonic(), 0ns);
    if (!WaitUntilGone(supervisor, left)) StopProcess(supervisor, 0ns);
  }
  return ended;
}

}  // namespace skiff::chaos
