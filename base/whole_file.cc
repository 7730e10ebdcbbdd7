#include "base/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

namespace skiff {

Result<std::string> ReadWholeFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return Fail(Reason::kNotFound, "open " + path + ": no such file or directory");
  }
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Result<> WriteWholeFile(const std::string& path, std::string_view text, int mode) {
  const std::string next = path + ".new";
  const auto failed = [&](const char* what) {
    return Fail(Reason::kInternalError,
                std::string(what) + " " + path + ": " + std::strerror(errno));
  };
  // One that is there is of a write that was interrupted, or of nobody that is to be trusted: in a
  // folder where others may write, it may be a link, or be open for them to read.
  if (::unlink(next.c_str()) != 0 && errno != ENOENT) return failed("unlink");
  const int file = ::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (file < 0) return failed("open");
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno != EINTR) {
      ::close(file);
      return failed("write");
    }
    if (count > 0) text.remove_prefix(static_cast<size_t>(count));
  }
  if (::fsync(file) != 0) {
    ::close(file);
    return failed("fsync");
  }
  ::close(file);
  if (::rename(next.c_str(), path.c_str()) != 0) return failed("rename");
  return {};
}

}  // namespace skiff
