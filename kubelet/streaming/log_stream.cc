#include "kubelet/streaming/log_stream.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include "api/values.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

// Of the first bytes of a log that many.
struct CountedLogLines {
  int64_t count = 0;
  off_t begin = 0;  // Of the one that was wanted.
};

// Counts up to the `wanted`th, from 0 on; all where there is none. What goes on with a line that
// was cut counts with that. Holds no more than a block, whatever the file does.
CountedLogLines CountLogLines(int file, off_t size, int64_t wanted) {
  constexpr size_t kHeadMax = 256;  // More than what stands before the text of a line.
  CountedLogLines counted;
  std::string block(LogStream::kReadMax, '\0');
  std::string head;
  bool is_at_begin = true, goes_on = false;
  for (off_t at = 0; at < size;) {
    const auto most = std::min<off_t>(size - at, static_cast<off_t>(block.size()));
    const ssize_t got = pread(file, block.data(), static_cast<size_t>(most), at);
    if (got <= 0) return counted;
    at += got;
    std::string_view rest(block.data(), static_cast<size_t>(got));
    while (!rest.empty()) {
      if (is_at_begin && !goes_on && counted.count++ == wanted) {
        counted.begin = at - static_cast<off_t>(rest.size());
        return counted;
      }
      const size_t end = rest.find('\n');
      is_at_begin = end != std::string_view::npos;
      head += rest.substr(0, std::min(end, kHeadMax - head.size()));
      if (!is_at_begin) break;
      const auto line = ParseLogLine(head);
      goes_on = line && line->is_partial;
      head.clear();
      rest.remove_prefix(end + 1);
    }
  }
  return counted;
}

}  // namespace

Result<std::unique_ptr<LogStream>> LogStream::Open(const std::string& path, LogOptions options,
                                                   http::Loops& loops,
                                                   std::shared_ptr<FollowedContainer> container) {
  auto file = OpenRegularFile(path);
  if (!file) {
    return Fail(Reason::kNotFound,
                fmt::format("failed to try resolving symlinks in path \"{0}\": lstat {0}: no such "
                            "file or directory",
                            path));
  }
  if (!options.follow) container = nullptr;
  std::unique_ptr<LogStream> stream(
      new LogStream(path, file->Release(), options, loops, std::move(container)));
  if (options.tail_lines) stream->SkipToTail();
  return stream;
}

LogStream::~LogStream() {
  watch_.reset();
  close(file_);
}

void LogStream::Attach(http::Waker waker) {
  if (!container_) return;
  // Before the first read, so that nothing written after it goes unheard.
  const std::string directory = std::filesystem::path(path_).parent_path().string();
  if (container_->may_watch()) {
    auto opened = http::FileWatch::Open(loops_, directory, http::FileChanges::kAll, waker);
    if (opened) watch_ = std::move(*opened);
  }
  container_->OnEnd(std::move(waker));
}

void LogStream::SkipToTail() {
  const off_t size = lseek(file_, 0, SEEK_END);
  if (*options_.tail_lines <= 0) return;
  // Twice as far back each time, until enough lines are there, so that no more than twice the tail
  // is looked at.
  for (auto window = static_cast<off_t>(kReadMax); window <= kTailMax; window *= 2) {
    const off_t begin = std::max<off_t>(0, size - window);
    std::string tail(static_cast<size_t>(size - begin), '\0');
    const ssize_t got = pread(file_, tail.data(), tail.size(), begin);
    tail.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    // A line that is cut does not say whether the next one goes on with it.
    const size_t whole = begin == 0 ? 0 : std::min(tail.find('\n'), tail.size() - 1) + 1;
    const size_t offset = TailOffset(std::string_view(tail).substr(whole), *options_.tail_lines);
    if (offset == 0 && begin > 0) continue;
    lseek(file_, begin + static_cast<off_t>(whole + offset), SEEK_SET);
    return;
  }
  // Who writes fast has gigabytes before they are rotated.
  const int64_t all = CountLogLines(file_, size, INT64_MAX).count;
  const int64_t skipped = std::max<int64_t>(all - *options_.tail_lines, 0);
  lseek(file_, CountLogLines(file_, size, skipped).begin, SEEK_SET);
}

bool LogStream::IsWanted(const LogLine& line) const {
  if (!options_.since) return true;
  const auto time = Time::Parse(line.timestamp);
  return !time || time->point() >= *options_.since;
}

void LogStream::TakeLines(std::string& text) {
  size_t begin = 0;
  for (size_t end = pending_.find('\n'); end != std::string::npos;
       end = pending_.find('\n', begin)) {
    const auto line = ParseLogLine(std::string_view(pending_).substr(begin, end - begin));
    begin = end + 1;
    if (!line || !IsWanted(*line)) continue;
    if (options_.timestamps && !in_line_) text += ShownTimestamp(line->timestamp) + " ";
    text += line->text;
    if (!line->is_partial) text += '\n';
    in_line_ = line->is_partial;
  }
  pending_.erase(0, begin);
}

bool LogStream::ReadSome(size_t bytes_max, std::string& text) {
  size_t bytes = 0;
  while (text.size() < bytes_max && bytes < kReadAtOnceMax) {
    char buffer[kReadMax];
    const ssize_t got = read(file_, buffer, sizeof buffer);
    if (got <= 0) return false;
    bytes += static_cast<size_t>(got);
    pending_.append(buffer, static_cast<size_t>(got));
    TakeLines(text);
  }
  return true;
}

bool LogStream::Reopen() {
  struct stat open_one {};
  struct stat named {};
  if (stat(path_.c_str(), &named) != 0 || fstat(file_, &open_one) != 0) return false;
  if (named.st_ino == open_one.st_ino && named.st_dev == open_one.st_dev) return false;
  auto fresh = OpenRegularFile(path_);
  if (!fresh) return false;
  close(file_);
  file_ = fresh->Release();
  return true;
}

http::Pulled LogStream::Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) {
  // Asked first: what a container wrote before it ended is read after.
  const bool may_grow = container_ && container_->is_running();
  std::string text;
  bool has_more = ReadSome(bytes_max, text);
  // A file that was moved aside may have grown until then: it is read to its end once more.
  if (!has_more && container_) has_more = ReadSome(bytes_max, text) || Reopen();
  if (options_.limit_bytes) {
    const int64_t left = std::max<int64_t>(0, *options_.limit_bytes - sent_);
    if (static_cast<int64_t>(text.size()) >= left) {
      text.resize(static_cast<size_t>(left));
      if (!text.empty()) out.push_back(std::make_shared<const std::string>(std::move(text)));
      return http::Pulled::kEnd;
    }
  }
  sent_ += static_cast<int64_t>(text.size());
  if (!text.empty()) out.push_back(std::make_shared<const std::string>(std::move(text)));
  if (has_more) return http::Pulled::kMore;
  return may_grow ? http::Pulled::kIdle : http::Pulled::kEnd;
}

}  // namespace skiff::kubelet
