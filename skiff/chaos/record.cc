#include "skiff/chaos/record.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "api/codec/json.h"
#include "apiserver/auth/pki.h"
#include "base/flags.h"
#include "base/folders.h"
#include "base/lock_within.h"
#include "skiff/columns.h"

namespace skiff::chaos {
namespace {

namespace fs = std::filesystem;

constexpr char kSuffix[] = ".json";
constexpr char kLock[] = "/lock";
constexpr Duration kRemovalMax = std::chrono::seconds(5);

Json JsonOf(const ProcessId& process) {
  return {{"pid", process.pid}, {"started", process.start_ticks}};
}

ProcessId ProcessOf(const Json& json) {
  return {json.value("pid", 0), json.value("started", uint64_t{0})};
}

Json JsonOf(const std::vector<Command>& commands) {
  Json list = Json::array();
  for (const Command& command : commands) {
    list.push_back({{"argv", command.argv},
                    {"stdin", command.stdin_text},
                    {"absent", command.absent},
                    {"holder", JsonOf(command.holder)}});
  }
  return list;
}

std::vector<Command> CommandsOf(const Json& list) {
  std::vector<Command> commands;
  for (const Json& json : list) {
    commands.push_back({json.at("argv").get<std::vector<std::string>>(), json.at("stdin"),
                        json.at("absent"), ProcessOf(json.at("holder"))});
  }
  return commands;
}

Json JsonOf(const Hold& hold) {
  const Impairment& of = hold.impairment;
  return {{"queue", hold.queue},
          {"queuedBy", JsonOf(hold.queued_by)},
          {"delay", of.delay.count()},
          {"jitter", of.jitter.count()},
          {"loss", of.loss},
          {"duplicate", of.duplicate},
          {"reorder", of.reorder},
          {"rate", of.rate_bits},
          {"frozen", hold.frozen},
          {"filled", hold.filled},
          {"filledBy", JsonOf(hold.filled_by)},
          {"clocks", hold.clocks},
          {"clockOf", hold.clock_of},
          {"clockDirectory", hold.clock_directory},
          {"clockSeenBy", JsonOf(hold.clock_seen_by)},
          {"clock",
           {{"offset", hold.clock.offset.count()},
            {"driftPpm", hold.clock.drift_ppm},
            {"begins", hold.clock.begins.count()},
            {"ends", hold.clock.ends.count()}}}};
}

Hold HoldOf(const Json& json) {
  Hold hold{.queue = json.at("queue"), .queued_by = ProcessOf(json.at("queuedBy"))};
  hold.impairment = {.delay = Duration(json.at("delay").get<int64_t>()),
                     .jitter = Duration(json.at("jitter").get<int64_t>()),
                     .loss = json.at("loss"),
                     .duplicate = json.at("duplicate"),
                     .reorder = json.at("reorder"),
                     .rate_bits = json.at("rate")};
  hold.frozen = json.at("frozen").get<std::vector<std::string>>();
  hold.filled = json.at("filled");
  hold.filled_by = ProcessOf(json.at("filledBy"));
  // Records outlive the program that wrote them: what an older one knew nothing of is not there.
  hold.clocks = json.value("clocks", std::vector<std::string>());
  hold.clock_of = json.value("clockOf", "");
  hold.clock_directory = json.value("clockDirectory", "");
  hold.clock_seen_by = ProcessOf(json.value("clockSeenBy", Json::object()));
  const Json clock = json.value("clock", Json::object());
  hold.clock = {.offset = Duration(clock.value("offset", int64_t{0})),
                .drift_ppm = clock.value("driftPpm", int64_t{0}),
                .begins = Duration(clock.value("begins", int64_t{0})),
                .ends = Duration(clock.value("ends", int64_t{0}))};
  return hold;
}

Json JsonOf(const std::vector<core_v1::ObjectReference>& objects) {
  Json list = Json::array();
  for (const auto& object : objects) {
    list.push_back({{"kind", object.kind},
                    {"namespace", object.namespace_},
                    {"name", object.name},
                    {"uid", object.uid}});
  }
  return list;
}

std::vector<core_v1::ObjectReference> ObjectsOf(const Json& list) {
  std::vector<core_v1::ObjectReference> objects;
  for (const Json& json : list) {
    core_v1::ObjectReference object;
    object.api_version = "v1";
    object.kind = json.at("kind");
    object.namespace_ = json.at("namespace");
    object.name = json.at("name");
    object.uid = json.at("uid");
    objects.push_back(std::move(object));
  }
  return objects;
}

Record RecordOf(const Json& json) {
  Record record{.id = json.at("id"),
                .fault = FaultOf(json.at("fault").get<std::string>()).value_or(Fault::kNetem),
                .target = json.at("target"),
                .peer = json.at("peer"),
                .detail = json.at("detail"),
                .ends = Duration(json.at("ends").get<int64_t>()),
                .length = Duration(json.at("length").get<int64_t>()),
                .supervisor = ProcessOf(json.at("supervisor")),
                .plan = {}};
  record.plan = {CommandsOf(json.at("begin")), CommandsOf(json.at("end")), HoldOf(json.at("hold")),
                 json.value("stays", false)};
  record.objects = ObjectsOf(json.at("objects"));
  record.kubeconfig = json.at("kubeconfig");
  record.authority = json.value("authority", "");
  return record;
}

// A lock on a file that was removed locks nobody out.
bool IsAt(const std::string& path, int file) {
  struct stat opened {};
  struct stat there {};
  return fstat(file, &opened) == 0 && stat(path.c_str(), &there) == 0 &&
         opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

std::string LeftText(Duration left) {
  return left <= 0ns ? "0s" : GoDurationText(std::chrono::ceil<std::chrono::seconds>(left));
}

std::vector<std::string> IdsIn(const std::string& directory) {
  std::vector<std::string> ids;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kSuffix)) ids.push_back(name.substr(0, name.size() - (sizeof kSuffix - 1)));
  }
  return ids;
}

void SortByEnds(std::vector<Record>& records) {
  std::sort(records.begin(), records.end(),
            [](const auto& a, const auto& b) { return a.ends < b.ends; });
}

}  // namespace

std::string RecordText(const Record& record) {
  const Json json = {{"id", record.id},
                     {"fault", std::string(FaultWord(record.fault))},
                     {"target", record.target},
                     {"peer", record.peer},
                     {"detail", record.detail},
                     {"ends", record.ends.count()},
                     {"length", record.length.count()},
                     {"supervisor", JsonOf(record.supervisor)},
                     {"begin", JsonOf(record.plan.begin)},
                     {"end", JsonOf(record.plan.end)},
                     {"hold", JsonOf(record.plan.hold)},
                     {"stays", record.plan.stays},
                     {"objects", JsonOf(record.objects)},
                     {"kubeconfig", record.kubeconfig},
                     {"authority", record.authority}};
  return json.dump(2) + "\n";
}

Result<Record> ParseRecord(const std::string& text) {
  const Json json = TRY(ParseJson(text));
  // The library tells of what is not there, or of another type, by throwing.
  try {
    return RecordOf(json);
  } catch (const Json::exception& error) {
    return Fail(Reason::kInvalid, error.what());
  }
}

Result<Records> Records::Open(const std::string& directory, Duration patience) {
  const std::string path = directory + kLock;
  const auto failed = [&](const std::string& why) {
    return Fail(Reason::kForbidden,
                fmt::format("cannot keep in {} what is on: {}; run this as root, as in `sudo -E "
                            "skiff chaos`",
                            directory, why));
  };
  const SystemClock clock;
  const Duration begin = clock.Monotonic();
  const Duration end = begin + patience;
  // Who had his turn before removes what is empty, just now perhaps.
  const auto may_be_removed = [&](const std::error_code& error) {
    const bool is_gone =
        error == std::errc::not_a_directory || error == std::errc::no_such_file_or_directory;
    return is_gone && clock.Monotonic() < begin + std::min<Duration>(patience, kRemovalMax);
  };
  while (true) {
    const std::error_code error = MakePrivateFolder(directory);
    if (may_be_removed(error)) continue;
    if (error) return failed(error.message());
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const int why = file < 0 ? errno : 0;
    if (may_be_removed({why, std::generic_category()})) continue;
    if (file < 0) return failed(std::strerror(why));
    const auto locked =
        LockWithin(end - clock.Monotonic(), [file] { return flock(file, LOCK_EX | LOCK_NB) == 0; });
    if (locked && IsAt(path, file)) return Records(directory, file);
    close(file);
    if (locked) continue;
    if (locked.error().reason != Reason::kConflict) return failed(locked.error().message);
    break;
  }
  return Fail(Reason::kConflict,
              fmt::format("another `skiff chaos` has been at work for {} ({} is locked); wait "
                          "until it is done, or end it (lslocks says who)",
                          GoDurationText(patience), path));
}

Records::Records(Records&& other) noexcept
    : directory_(std::move(other.directory_)), lock_(std::exchange(other.lock_, -1)) {}
Records::~Records() {
  if (lock_ < 0) return;
  std::error_code ignored;
  const auto is_more = [](const auto& entry) { return entry.path().filename() != kLock + 1; };
  const fs::directory_iterator entries(directory_, ignored);
  if (!ignored && std::none_of(begin(entries), end(entries), is_more)) {
    fs::remove(directory_ + kLock, ignored);
    fs::remove(directory_, ignored);  // Not if somebody has come meanwhile.
  }
  close(lock_);
}

Result<std::vector<Record>> Records::All() const {
  return AllIn(directory_);
}

Result<std::vector<Record>> Records::AllIn(const std::string& directory) {
  std::vector<Record> records;
  for (const std::string& id : IdsIn(directory)) {
    auto record = LoadRecord(directory, id);
    const std::string path = RecordPath(directory, id);
    // It ended meanwhile.
    std::error_code ignored;
    if (!record && !fs::exists(path, ignored)) continue;
    if (!record) {
      return Fail(Reason::kInvalid, fmt::format("{}: {}; it is none of ours: remove it", path,
                                                record.error().message));
    }
    records.push_back(std::move(*record));
  }
  SortByEnds(records);
  return records;
}

std::vector<Record> Records::ReadableIn(const std::string& directory) {
  std::vector<Record> records;
  for (const std::string& id : IdsIn(directory)) {
    auto record = LoadRecord(directory, id);
    if (record) records.push_back(std::move(*record));
  }
  SortByEnds(records);
  return records;
}

std::string RecordPath(const std::string& directory, const std::string& id) {
  return directory + "/" + id + kSuffix;
}

Result<Record> LoadRecord(const std::string& directory, const std::string& id) {
  const std::string text = TRY(ReadWholeFile(RecordPath(directory, id)));
  return ParseRecord(text);
}

Result<> SaveRecord(const std::string& directory, const Record& record) {
  std::string text;
  try {
    text = RecordText(record);
  } catch (const Json::exception&) {
    return Fail(
        Reason::kInvalid,
        "a path that it is about is no UTF-8: name the kubeconfig and the data directory by "
        "other ones");
  }
  return WriteWholeFile(RecordPath(directory, record.id), text, 0600);
}

void RemoveRecord(const std::string& directory, const std::string& id) {
  std::error_code ignored;
  fs::remove(directory + "/" + id + ".log", ignored);
  fs::remove(RecordPath(directory, id), ignored);
}

FaultOn TellOf(const Record& record, Duration now) {
  std::string what = fmt::format("fault {} on {}", FaultWord(record.fault), record.target);
  if (!record.peer.empty()) what += " and " + record.peer;
  what += fmt::format(", {} left", LeftText(record.ends - now));
  if (!record.detail.empty()) what += ": " + record.detail;
  return {what, "skiff chaos stop " + record.id};
}

std::vector<Record> LivingRecords(const std::string& directory) {
  // Without a turn, which may be a minute away: each record is replaced as a whole.
  std::vector<Record> all = Records::ReadableIn(directory);
  std::erase_if(all, [](const Record& record) {
    return record.supervisor.pid == 0 || !IsAlive(record.supervisor);
  });
  return all;
}

std::string DescribeRecords(const std::vector<Record>& records, Duration now) {
  std::vector<std::vector<std::string>> rows = {{"ID", "FAULT", "TARGET", "PEER", "WHAT", "LEFT"}};
  for (const Record& record : records) {
    rows.push_back({record.id, std::string(FaultWord(record.fault)), record.target,
                    record.peer.empty() ? "-" : record.peer, record.detail,
                    LeftText(record.ends - now)});
  }
  return InColumns(rows);
}

}  // namespace skiff::chaos
