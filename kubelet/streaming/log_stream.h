// Sends a container's log to a client, and what is written to it later while the client follows,
// over rotations of the file too.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "http/file_watch.h"
#include "http/stream.h"
#include "kubelet/streaming/log_file.h"
#include "kubelet/streaming/log_followers.h"

namespace skiff::kubelet {

class LogStream final : public http::StreamSource {
 public:
  static constexpr size_t kReadMax = 64 * 1024;
  // Then others have their turn, though nothing of it may be wanted.
  static constexpr size_t kReadAtOnceMax = 4 * kReadMax;
  // How much of a log is held to find where its tail begins; of a longer one lines are counted.
  static constexpr off_t kTailMax = 16 << 20;
  // Where the system has no watch left to give.
  static constexpr int kUnwatchedEveryMs = 1000;

  // A log that is followed ends when `container` has; nullptr: it does not run.
  static Result<std::unique_ptr<LogStream>> Open(const std::string& path, LogOptions options,
                                                 http::Loops& loops,
                                                 std::shared_ptr<FollowedContainer> container);
  ~LogStream() override;
  void Attach(http::Waker waker) override;
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override;
  int PullEveryMs() const override { return container_ && !watch_ ? kUnwatchedEveryMs : 0; }

 private:
  LogStream(std::string path, int file, LogOptions options, http::Loops& loops,
            std::shared_ptr<FollowedContainer> container)
      : path_(std::move(path)),
        file_(file),
        options_(options),
        loops_(loops),
        container_(std::move(container)) {}
  void SkipToTail();
  bool IsWanted(const LogLine& line) const;
  // Appends the texts of the whole lines in pending_ to `text`.
  void TakeLines(std::string& text);
  // Reads until there is enough or the end of the file; false: that.
  bool ReadSome(size_t bytes_max, std::string& text);
  // Goes on in the file that has the log's name now, if that is another one.
  bool Reopen();

  const std::string path_;
  int file_;
  LogOptions options_;
  http::Loops& loops_;
  const std::shared_ptr<FollowedContainer> container_;
  std::unique_ptr<http::FileWatch> watch_;  // Of the log's directory.
  std::string pending_;                     // Read, and not a whole line yet.
  bool in_line_ = false;  // The last line was a part: the next one goes on with it.
  int64_t sent_ = 0;
};

}  // namespace skiff::kubelet
