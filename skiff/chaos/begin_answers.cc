#include "skiff/chaos/begin_answers.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include "base/error.h"

namespace skiff::chaos {
namespace {

// What a signal handler can know.
volatile sig_atomic_t g_file = -1;
volatile sig_atomic_t g_asked = -1;
volatile sig_atomic_t g_missed[BeginAnswers::kMissedMax][2];
volatile sig_atomic_t g_missed_count = 0;

void Answer(int asked) {
  const fanotify_response answer{.fd = asked, .response = FAN_ALLOW};
  (void)!write(g_file, &answer, sizeof answer);
}

// By nothing but what a signal handler may call.
pid_t ProcessOfWaiting(pid_t thread) {
  char path[32] = "/proc/";
  char digits[12];
  int count = 0;
  for (pid_t rest = thread; rest > 0; rest /= 10) {
    digits[count++] = static_cast<char>('0' + rest % 10);
  }
  char* end = path + std::strlen(path);
  while (count > 0) *end++ = digits[--count];
  std::memcpy(end, "/status", sizeof "/status");
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[512];
  const ssize_t size = read(file, text, sizeof text);
  close(file);
  const std::string_view lines(text, size < 0 ? 0 : static_cast<size_t>(size));
  constexpr std::string_view kProcess = "\nTgid:\t";
  const size_t found = lines.find(kProcess);
  if (found == lines.npos) return 0;
  pid_t process = 0;
  for (const char c : lines.substr(found + kProcess.size())) {
    if (c < '0' || c > '9') break;
    process = process * 10 + (c - '0');
  }
  return process;
}

void Remember(pid_t thread) {
  if (g_missed_count >= BeginAnswers::kMissedMax) return;
  g_missed[g_missed_count][0] = thread;
  g_missed[g_missed_count][1] = ProcessOfWaiting(thread);
  g_missed_count = g_missed_count + 1;
}

// By one event and no more: who has asked and is not read yet is the alarm's to answer.
std::optional<BeginAnswers::Asked> ReadNext() {
  fanotify_event_metadata event{};
  while (read(g_file, &event, sizeof event) == sizeof event) {
    if (event.fd >= 0) return BeginAnswers::Asked{event.pid, event.fd};
  }
  return std::nullopt;
}

void OnAlarm(int) {
  const int error = errno;
  if (g_asked >= 0) {
    // Mostly that is enough, and whoever asks after it can be seen to in its turn.
    Answer(g_asked);
    g_asked = -1;
  } else if (g_file >= 0) {
    while (const auto asked = ReadNext()) {
      Remember(asked->thread);
      Answer(asked->file);
      close(asked->file);
    }
  }
  errno = error;
}

timeval ToTimeval(Duration time) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  return {.tv_sec = micros / 1'000'000, .tv_usec = micros % 1'000'000};
}

// The alarm rings again and again: what it answered may be followed by another that asks.
class Alarm {
 public:
  explicit Alarm(Duration period) {
    const itimerval timer{.it_interval = ToTimeval(period), .it_value = ToTimeval(period)};
    setitimer(ITIMER_REAL, &timer, &before_);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() { setitimer(ITIMER_REAL, &before_, nullptr); }

 private:
  itimerval before_{};  // Of whoever does this in the middle of another's work.
};

// While this is there the alarm does not ring.
class Silence {
 public:
  Silence() {
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

BeginAnswers::BeginAnswers(int file) {
  CHECK(g_file < 0);
  g_missed_count = 0;
  g_asked = -1;
  g_file = file;
  struct sigaction action {};
  action.sa_handler = OnAlarm;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  // Whoever began us may have it blocked.
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
}

BeginAnswers::~BeginAnswers() {
  signal(SIGALRM, SIG_IGN);
  g_file = -1;
}

std::optional<BeginAnswers::Asked> BeginAnswers::Next() {
  return ReadNext();
}

bool BeginAnswers::After(const Asked& asked, Duration patience,
                         const std::function<void()>& work) {
  {
    g_asked = asked.file;
    const Alarm alarm(patience);
    work();
  }
  const Silence silence;
  const bool is_answered = g_asked != asked.file;
  g_asked = -1;
  if (!is_answered) Answer(asked.file);
  close(asked.file);
  return is_answered;
}

void BeginAnswers::Beside(Duration patience, const std::function<void()>& work) {
  const Alarm alarm(patience);
  work();
}

std::vector<BeginAnswers::Missed> BeginAnswers::TakeMissed() {
  const Silence silence;
  std::vector<Missed> missed;
  for (int i = 0; i < g_missed_count; ++i) missed.push_back({g_missed[i][0], g_missed[i][1]});
  g_missed_count = 0;
  return missed;
}

}  // namespace skiff::chaos
