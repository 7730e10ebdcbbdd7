#include "skiff/init.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace skiff {
namespace {

// Waits for all that has ended; exits when `child` has.
void Bury(pid_t child) {
  int status = 0;
  while (true) {
    const pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended < 0 && errno == EINTR) continue;
    if (ended <= 0) return;
    if (ended != child) continue;
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  }
}

}  // namespace

void LeaveInitBehind() {
  if (getpid() != 1) return;
  sigset_t watched, before;
  sigemptyset(&watched);
  for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
    sigaddset(&watched, number);
  }
  sigprocmask(SIG_BLOCK, &watched, &before);
  const pid_t child = fork();
  if (child <= 0) {  // The program goes on here; where no process can be made, as number 1.
    sigprocmask(SIG_SETMASK, &before, nullptr);
    return;
  }
  while (true) {
    int number = 0;
    if (sigwait(&watched, &number) != 0) continue;
    if (number != SIGCHLD) kill(child, number);
    Bury(child);
  }
}

}  // namespace skiff
