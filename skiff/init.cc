#include "skiff/init.h"

#include <signal.h>
#include <sys/mount.h>
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

// An engine gives a container mounts that are nobody else's, and no pod in it could have what is
// mounted on its node later on, as node exporters and drivers of volumes want: those of a machine
// that systemd has started are shared. Where that is not allowed there are no pods either.
void ShareMounts() {
  const bool is_engines =
      access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
  if (is_engines) (void)mount(nullptr, "/", nullptr, MS_SHARED | MS_REC, nullptr);
}

}  // namespace

void LeaveInitBehind() {
  if (getpid() != 1) return;
  ShareMounts();
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
