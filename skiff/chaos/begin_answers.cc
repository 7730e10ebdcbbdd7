#include "skiff/chaos/begin_answers.h"

#include <signal.h>
#include <sys/fanotify.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/error.h"

namespace skiff::chaos {
namespace {

// What a signal handler can know.
volatile sig_atomic_t g_file = -1;
volatile sig_atomic_t g_asked = -1;
volatile sig_atomic_t g_missed = 0;

void Answer(int asked) {
  const fanotify_response answer{.fd = asked, .response = FAN_ALLOW};
  (void)!write(g_file, &answer, sizeof answer);
}

void AnswerAll(int) {
  const int error = errno;
  if (g_file >= 0 && g_asked >= 0) {
    Answer(g_asked);
    g_asked = -1;
  }
  alignas(fanotify_event_metadata) char buffer[4096];
  ssize_t size = 0;
  while (g_file >= 0 && (size = read(g_file, buffer, sizeof buffer)) > 0) {
    const auto* event = reinterpret_cast<const fanotify_event_metadata*>(buffer);
    for (; FAN_EVENT_OK(event, size); event = FAN_EVENT_NEXT(event, size)) {
      if (event->fd < 0) continue;
      Answer(event->fd);
      close(event->fd);
      g_missed = g_missed + 1;
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

}  // namespace

BeginAnswers::BeginAnswers(int file) {
  CHECK(g_file < 0);
  g_missed = 0;
  g_asked = -1;
  g_file = file;
  struct sigaction action {};
  action.sa_handler = AnswerAll;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
}

BeginAnswers::~BeginAnswers() {
  signal(SIGALRM, SIG_IGN);
  g_file = -1;
}

bool BeginAnswers::After(int asked, Duration patience, const std::function<void()>& work) {
  const int before = g_asked;
  {
    g_asked = asked;
    const Alarm alarm(patience);
    work();
  }
  const bool is_answered = g_asked != asked;
  g_asked = before;
  if (!is_answered) Answer(asked);
  close(asked);
  return is_answered;
}

void BeginAnswers::Beside(Duration patience, const std::function<void()>& work) {
  const Alarm alarm(patience);
  work();
}

int BeginAnswers::missed() const {
  return g_missed;
}

}  // namespace skiff::chaos
