// Sends a container's log to a client, and what is written to it later while the client follows.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/stream.h"
#include "kubelet/streaming/log_file.h"

namespace skiff::kubelet {

class LogStream final : public http::StreamSource {
 public:
  // While a client follows, the file is looked at this often: containers' runtimes write it, and
  // tell nobody.
  static constexpr int kFollowEveryMs = 200;
  static constexpr size_t kReadMax = 64 * 1024;

  // `is_running` says whether more may come; a followed log ends when it says no.
  static Result<std::unique_ptr<LogStream>> Open(const std::string& path, LogOptions options,
                                                 std::function<bool()> is_running);
  ~LogStream() override;
  void Attach(http::Waker waker) override { waker_ = std::move(waker); }
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override;
  int PullEveryMs() const override { return options_.follow ? kFollowEveryMs : 0; }

 private:
  LogStream(int file, LogOptions options, std::function<bool()> is_running)
      : file_(file), options_(options), is_running_(std::move(is_running)) {}
  void SkipToTail();
  bool IsWanted(const LogLine& line) const;
  // Appends the texts of the whole lines in pending_ to `text`.
  void TakeLines(std::string& text);

  const int file_;
  LogOptions options_;
  const std::function<bool()> is_running_;
  http::Waker waker_;
  std::string pending_;   // Read, and not a whole line yet.
  bool in_line_ = false;  // The last line was a part: the next one goes on with it.
  int64_t sent_ = 0;
};

}  // namespace skiff::kubelet
