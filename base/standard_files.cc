#include "base/standard_files.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace skiff {

void OpenStandardFiles() {
  for (int file = STDIN_FILENO; file <= STDERR_FILENO; ++file) {
    if (fcntl(file, F_GETFD) >= 0) continue;
    // It gets the lowest number that is free, which is this one.
    const int opened = open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened > STDERR_FILENO) close(opened);
  }
}

bool IsReaderGone(int file) {
  pollfd output{file, POLLOUT, 0};
  return poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace skiff
