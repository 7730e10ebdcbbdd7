#include "skiff/chaos/ending.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "base/flags.h"
#include "skiff/chaos/checks.h"
#include "skiff/chaos/events.h"
#include "skiff/chaos/supervisor.h"

namespace skiff::chaos {
namespace {

// All together stay well below the 90 s after which systemd kills who ends faults when he ends.
constexpr Duration kTurnPatience = 10s;
constexpr Duration kStopPatience = 20s;
// For the Event that tells of the end; whose cluster is taken down needs none.
constexpr Duration kTellingPatience = 2s;

bool IsThere(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

bool IsSupervised(const Record& record) {
  return record.supervisor.pid != 0 && IsAlive(record.supervisor);
}

Result<> UndoLeftBehind(const std::string& directory, const Record& record, const Progress& say) {
  AwaitLeftBehind(record);
  if (const auto undone = Undo(record); !undone) {
    return Fail(undone.error().reason,
                fmt::format("{} ({}) was left behind and cannot be undone: {}; mend that, and "
                            "run `skiff chaos ls` again",
                            record.id, WhatItIs(record), undone.error().message));
  }
  RemoveRecord(directory, record.id);
  say(fmt::format("{} ({}) had lost its supervisor: what was left of it is undone", record.id,
                  WhatItIs(record)));
  // Whether anybody can be told decides nothing.
  (void)TellOf(record, "ChaosStopped", WhatItIs(record) + " had lost its supervisor: undone");
  return {};
}

// Its supervisor was asked to end.
Result<> AwaitEnd(const std::string& directory, const Record& record, Duration deadline,
                  const Progress& say) {
  const SystemClock clock;
  const std::string path = RecordPath(directory, record.id);
  while (IsThere(path)) {
    constexpr Duration kMoment = 20ms;
    const bool is_gone = WaitUntilGone(record.supervisor, kMoment);
    if (!IsThere(path)) break;
    if (!is_gone && clock.Monotonic() < deadline) continue;
    StopProcess(record.supervisor, 0ns);
    AwaitLeftBehind(record);
    if (const auto undone = Undo(record); !undone) {
      return Fail(undone.error().reason,
                  fmt::format("{} ({}) cannot be undone: {}; mend that, and run `skiff chaos ls` "
                              "again",
                              record.id, WhatItIs(record), undone.error().message));
    }
    RemoveRecord(directory, record.id);
  }
  say(fmt::format("{} ({}) is undone", record.id, WhatItIs(record)));
  return {};
}

// Its kubeconfig is that of a server, and of another one than what is in `data_dir`. What a node
// that joined has, or a user, says nothing of the kind.
bool IsOfAnotherServer(const Record& record, const std::string& data_dir) {
  if (data_dir.empty()) return false;
  const std::filesystem::path own = std::filesystem::path(data_dir) / "admin.kubeconfig";
  const std::filesystem::path named = record.kubeconfig;
  const bool are_servers = named.filename() == own.filename() && IsThere(named) && IsThere(own) &&
                           IsThere(named.parent_path() / "pki/ca.key");
  std::error_code code;
  return are_servers && !std::filesystem::equivalent(named, own, code) && !code;
}

// Not for as long as `skiff chaos` has patience: who takes a cluster down would seem to hang.
Result<Records> TakeTurn(const std::string& directory, const Progress& say) {
  auto records = Records::Open(directory, 0ns);
  if (records || records.error().reason != Reason::kConflict) return records;
  say(fmt::format("note: another `skiff chaos` is at work; it has {} to be done",
                  GoDurationText(kTurnPatience)));
  return Records::Open(directory, kTurnPatience);
}

}  // namespace

Result<std::vector<Record>> Sweep(const std::string& directory, const Records& records) {
  std::vector<Record> living;
  const Progress say = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  for (Record& record : TRY(records.All())) {
    if (!IsSupervised(record)) {
      const auto undone = UndoLeftBehind(directory, record, say);
      if (undone) continue;
      say("note: " + undone.error().message);
    }
    living.push_back(std::move(record));
  }
  return living;
}

Result<> EndFault(const std::string& directory, const Record& record, const Progress& say) {
  SignalProcess(record.supervisor, SIGTERM);
  return AwaitEnd(directory, record, SystemClock().Monotonic() + kStopPatience, say);
}

Result<> EndFaults(const std::string& directory, const std::string& authority, const Progress& say,
                   const std::string& data_dir) {
  if (authority.empty() || !IsThere(directory)) return {};
  const auto records = TRY(TakeTurn(directory, say));
  std::vector<Record> ours = Records::ReadableIn(directory);
  std::erase_if(ours, [&](const Record& each) {
    return !ShareAnAuthority(each.authority, authority) || IsOfAnotherServer(each, data_dir);
  });
  std::vector<Record> asked;
  for (const Record& record : ours) {
    if (!IsSupervised(record)) continue;
    SignalProcess(record.supervisor, SIGTERM);
    asked.push_back(record);
  }
  const auto is_asked = [&](const Record& record) {
    return std::any_of(asked.begin(), asked.end(),
                       [&](const Record& each) { return each.id == record.id; });
  };
  const SystemClock clock;
  const Duration deadline = clock.Monotonic() + kStopPatience;
  Result<> ended;
  for (const Record& record : ours) {
    auto done = is_asked(record) ? AwaitEnd(directory, record, deadline, say)
                                 : UndoLeftBehind(directory, record, say);
    // One that cannot be ended keeps nobody from ending the others.
    if (!done) ended = std::move(done);
  }
  const Duration told_by = clock.Monotonic() + kTellingPatience;
  for (const Record& record : asked) {
    const Duration left = std::max<Duration>(told_by - clock.Monotonic(), 0ns);
    if (!WaitUntilGone(record.supervisor, left)) StopProcess(record.supervisor, 0ns);
  }
  return ended;
}

}  // namespace skiff::chaos
