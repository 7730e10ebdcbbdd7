#include "apiserver/audit/audit_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "api/values.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

// Between its name and ".log": 2026-11-23T13-05-36.123
constexpr size_t kDateBytes = 23;

std::string DateOf(TimePoint when) {
  std::string text = Time(when).Rfc3339Micro().substr(0, kDateBytes);
  std::replace(text.begin(), text.end(), ':', '-');
  return text;
}

std::optional<TimePoint> ReadDate(std::string text) {
  if (text.size() != kDateBytes || text[10] != 'T') return std::nullopt;
  text[13] = text[16] = ':';
  const auto time = Time::Parse(text + "Z");
  if (!time) return std::nullopt;
  return time->point();
}

Error FileError(std::string_view what, const fs::path& path, int code) {
  return {Reason::kInternalError,
          fmt::format("{} {}: {}", what, path.string(), std::generic_category().message(code))};
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::Open(Options options, const Clock& clock) {
  std::unique_ptr<AuditLog> log(new AuditLog(std::move(options), clock));
  if (log->options_.path != "-") {
    const fs::path folder = fs::path(log->options_.path).parent_path();
    std::error_code code;
    if (!folder.empty() && fs::create_directories(folder, code)) {
      fs::permissions(folder, fs::perms::owner_all, code);
    }
    if (code) return Fail(FileError("mkdir", folder, code.value()));
  }
  MutexLock lock(log->writing_);
  TRY(log->OpenFile());
  return log;
}

AuditLog::~AuditLog() {
  (void)Step();
  MutexLock lock(writing_);
  if (fd_ >= 0 && options_.path != "-") close(fd_);
}

uint64_t AuditLog::BytesMax() const {
  const int megabytes = options_.megabytes_max > 0 ? options_.megabytes_max : kMegabytesOtherwise;
  return static_cast<uint64_t>(megabytes) << 20;
}

bool AuditLog::HasRoom() {
  if (options_.drops_lines) return true;
  MutexLock lock(mutex_);
  return Fits();
}

void AuditLog::AwaitRoom() {
  MutexLock lock(mutex_);
  while (!options_.drops_lines && !Fits()) room_.wait(lock);
}

void AuditLog::Write(std::string_view line) {
  {
    MutexLock lock(mutex_);
    if (options_.drops_lines && !Fits()) {
      ++lost_;
      return;
    }
    const bool is_first = waiting_.empty();
    waiting_.append(line);
    if (!is_first) return;
  }
  Wake();
}

Duration AuditLog::Step() {
  std::string lines;
  {
    MutexLock lock(mutex_);
    lines.swap(waiting_);
  }
  room_.notify_all();
  if (!lines.empty()) WriteNow(lines);
  return kNever;
}

uint64_t AuditLog::lost() const {
  MutexLock lock(mutex_);
  return lost_;
}

void AuditLog::WriteNow(std::string_view lines) {
  MutexLock lock(writing_);
  const Result<> written = WriteFile(lines);
  if (written) {
    failing_ = false;
    return;
  }
  {
    MutexLock counting(mutex_);
    lost_ += std::count(lines.begin(), lines.end(), '\n');
  }
  if (!std::exchange(failing_, true)) {
    log_.Error("audit log not written", {{"error", written.error().message}});
  }
}

Result<> AuditLog::OpenFile() {
  if (options_.path == "-") {
    fd_ = STDOUT_FILENO;
    return {};
  }
  fd_ = open(options_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  struct stat facts {};
  if (fd_ < 0 || fstat(fd_, &facts) != 0) return Fail(FileError("open", options_.path, errno));
  file_bytes_ = static_cast<uint64_t>(facts.st_size);
  return {};
}

// Line by line as far as files are concerned: none is torn by the change of one.
Result<> AuditLog::WriteFile(std::string_view lines) {
  if (fd_ < 0) TRY(OpenFile());
  while (!lines.empty()) {
    size_t take = lines.size();
    if (options_.path != "-") {
      const uint64_t room = BytesMax() - std::min(BytesMax(), file_bytes_);
      while (take > room && take >= 2) {
        const size_t end = lines.rfind('\n', take - 2);
        if (end == std::string_view::npos) break;
        take = end + 1;
      }
      if (take > room && file_bytes_ > 0) {
        TRY(Rotate());
        continue;
      }
    }
    TRY(WriteAll(lines.substr(0, take)));
    lines.remove_prefix(take);
  }
  return {};
}

Result<> AuditLog::WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(FileError("write", options_.path, errno));
    file_bytes_ += written;
    bytes.remove_prefix(written);
  }
  return {};
}

Result<> AuditLog::Rotate() {
  const fs::path path = options_.path;
  fs::path older;
  std::error_code code;
  // Two within a millisecond are told apart.
  TimePoint date = clock_.Now();
  do {
    older = path.parent_path() /
            (path.stem().string() + "-" + DateOf(date) + path.extension().string());
    date += std::chrono::milliseconds(1);
  } while (fs::exists(older, code));
  close(std::exchange(fd_, -1));
  if (rename(path.c_str(), older.c_str()) != 0) {
    log_.Error("audit log not rotated",
               {{"error", FileError("rename", path, errno).message}});
    TRY(OpenFile());
    file_bytes_ = 0;  // So the file goes on, and is tried again when as much has come to it.
    return {};
  }
  TRY(OpenFile());
  RemoveOld();
  return {};
}

void AuditLog::RemoveOld() {
  const fs::path path = options_.path;
  const std::string begin = path.stem().string() + "-";
  const std::string end = path.extension().string();
  std::vector<std::pair<TimePoint, fs::path>> older;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(begin) || !name.ends_with(end)) continue;
    if (name.size() != begin.size() + kDateBytes + end.size()) continue;
    if (const auto date = ReadDate(name.substr(begin.size(), kDateBytes))) {
      older.emplace_back(*date, entry.path());
    }
  }
  std::sort(older.rbegin(), older.rend());
  const TimePoint now = clock_.Now();
  for (size_t i = 0; i < older.size(); ++i) {
    const bool too_many =
        options_.backups_max > 0 && i >= static_cast<size_t>(options_.backups_max);
    const bool too_old =
        options_.days_max > 0 && older[i].first < now - std::chrono::hours(24) * options_.days_max;
    if (too_many || too_old) fs::remove(older[i].second, code);
  }
}

}  // namespace skiff
