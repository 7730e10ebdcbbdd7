#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstdio>

#include "kubelet/log_rotation.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

constexpr mode_t kPackedMode = 0644;

}  // namespace

Result<> PackFile(const std::string& path) {
  const std::string unfinished = path + ".tmp";
  const auto fail = [&](const char* what) {
    std::remove(unfinished.c_str());
    return Fail(Reason::kInternalError, std::string("failed to compress log: ") + what);
  };
  const auto in = OpenRegularFile(path);
  if (!in) return fail("cannot be read");
  std::remove(unfinished.c_str());
  Descriptor made(
      open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kPackedMode));
  gzFile out = made.is_open() ? gzdopen(made.number(), "wb") : nullptr;
  if (out == nullptr) return fail("cannot be written");
  (void)made.Release();  // gzclose closes it.
  std::string buffer(64 << 10, '\0');
  bool written = true;
  ssize_t got = 0;
  while (written && (got = read(in->number(), buffer.data(), buffer.size())) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    written = gzwrite(out, buffer.data(), static_cast<unsigned>(got)) == static_cast<int>(got);
  }
  written &= gzclose(out) == Z_OK;
  if (got < 0) return fail("cannot be read");
  if (!written) return fail("cannot be written");
  if (std::rename(unfinished.c_str(), (path + ".gz").c_str()) != 0) return fail("rename");
  std::remove(path.c_str());
  return {};
}

}  // namespace skiff::kubelet
