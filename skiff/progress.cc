#include "skiff/progress.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/process.h"
#include "cli/terminal_text.h"

namespace skiff {
namespace {

constexpr std::string_view kUsable = "usable";
constexpr std::string_view kError = "error: ";
// Of one daemon's whole story; what goes on beyond is no story of ours.
constexpr size_t kBytesMax = 1 << 20;

// Takes whole lines off `text`; true at one that is the end.
bool TakeLines(std::string& text, const Progress& show, StartOutcome& outcome) {
  while (true) {
    if (text.starts_with(kError)) return false;  // The rest of the pipe is its text.
    const size_t end = text.find('\n');
    if (end == std::string::npos) return false;
    const std::string line = text.substr(0, end);
    text.erase(0, end + 1);
    if (line == kUsable) {
      outcome.end = StartOutcome::End::kUsable;
      return true;
    }
    show(line);
  }
}

}  // namespace

void ShowProgress(const std::string& told) {
  const std::string line = cli::WithoutControls(told);
  if (isatty(STDOUT_FILENO)) {
    std::printf("  %s\n", line.c_str());
    std::fflush(stdout);
  } else if (line.starts_with("note: ") || line.starts_with("warning: ")) {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

StartOutcome FollowProgress(int pipe, Duration timeout, const Progress& show) {
  const SystemClock clock;
  const Duration deadline = clock.Monotonic() + timeout;
  StartOutcome outcome;
  std::string text;
  while (text.size() < kBytesMax) {
    const Duration left = deadline - clock.Monotonic();
    pollfd file{pipe, POLLIN, 0};
    const int ready = left <= Duration(0) ? 0 : poll(&file, 1, static_cast<int>(left / 1ms) + 1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      outcome.end = StartOutcome::End::kTimedOut;
      return outcome;
    }
    char buffer[4096];
    const ssize_t count = read(pipe, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(buffer, static_cast<size_t>(count));
    if (TakeLines(text, show, outcome)) return outcome;
  }
  if (text.starts_with(kError)) {
    outcome.end = StartOutcome::End::kFailed;
    outcome.error = text.substr(kError.size());
    while (outcome.error.ends_with('\n')) outcome.error.pop_back();
  }
  return outcome;
}

ProgressWriter::ProgressWriter(int pipe) : pipe_(pipe) {
  // What we start must not keep it open.
  if (pipe_ >= 0) fcntl(pipe_, F_SETFD, FD_CLOEXEC);
}

int ProgressWriter::PipeOfParent() {
  const bool waits = std::getenv(kProgressVariable) != nullptr;
  unsetenv(kProgressVariable);
  return waits ? kHandedFd : -1;
}

void ProgressWriter::Say(const std::string& line) {
  const std::string text = line + "\n";
  if (pipe_ < 0) {
    std::fputs(cli::WithoutControls(text).c_str(), stdout);
    std::fflush(stdout);
    return;
  }
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t count = write(pipe_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // Nobody reads any more.
    rest.remove_prefix(static_cast<size_t>(count));
  }
}

void ProgressWriter::Usable() {
  Say(std::string(kUsable));
  Close();
}

void ProgressWriter::Failed(const std::string& error) {
  Say(std::string(kError) + error);
  Close();
}

void ProgressWriter::Close() {
  // Stdout stays open, and is written to no more.
  if (pipe_ >= 0) close(pipe_);
  pipe_ = -1;
}

}  // namespace skiff
