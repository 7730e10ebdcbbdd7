#include "skiff/chaos/filled.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "skiff/chaos/machine.h"

namespace skiff::chaos {

Result<Filled> Filled::Fill(const ProcessId& seen_by, const std::string& directory,
                            int64_t bytes_max) {
  const int inside = OpenInside(seen_by, directory);
  if (inside < 0) return Fail(Reason::kNotFound, directory + ": " + std::strerror(errno));
  const int file = openat(inside, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  const int error = errno;
  close(inside);
  if (file < 0) {
    return Fail(Reason::kForbidden, fmt::format("{}: no file can be made there: {}", directory,
                                                std::strerror(error)));
  }
  Filled filled(file);
  // What is left is less than a piece at last: pieces become smaller then.
  constexpr int64_t kPieceMin = 4096;
  int64_t taken = 0;
  for (int64_t piece = 64 << 20; piece >= kPieceMin && taken <= bytes_max;) {
    if (fallocate(file, 0, taken, piece) == 0) {
      taken += piece;
    } else if (errno == ENOSPC) {
      piece /= 2;
    } else if (errno != EINTR) {
      return Fail(Reason::kForbidden, fmt::format("{}: it cannot be filled: {}", directory,
                                                  std::strerror(errno)));
    }
  }
  if (taken > bytes_max) {
    return Fail(Reason::kConflict, fmt::format("{}: there is more room than {} MiB", directory,
                                               bytes_max >> 20));
  }
  return filled;
}

Filled::Filled(Filled&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
Filled::~Filled() {
  if (file_ >= 0) close(file_);
}

}  // namespace skiff::chaos
