#include "base/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace skiff {
namespace {

// "open PATH: permission denied", as Go says it. `what` of errno.
tl::unexpected<Error> FileFault(const char* what, const std::string& path) {
  const int error = errno;
  const bool is_missing = error == ENOENT || error == ENOTDIR;
  const bool is_refused = error == EACCES || error == EPERM;
  std::string why = std::strerror(error);
  why[0] = static_cast<char>(std::tolower(why[0]));
  return Fail(is_missing   ? Reason::kNotFound
              : is_refused ? Reason::kForbidden
                           : Reason::kInternalError,
              std::string(what) + " " + path + ": " + why);
}

// A file that is open until its end.
class OpenFile {
 public:
  explicit OpenFile(int file) : file_(file) {}
  ~OpenFile() {
    if (file_ >= 0) ::close(file_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int get() const { return file_; }

 private:
  const int file_;
};

Result<> WriteAll(int file, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno != EINTR) return FileFault("write", path);
    if (count > 0) text.remove_prefix(static_cast<size_t>(count));
  }
  // Devices and pipes have nothing to sync.
  if (::fsync(file) != 0 && errno != EINVAL) return FileFault("fsync", path);
  return {};
}

// Writes `next`, of which faults are told as of `path`. `owner`: of the file that it is to replace.
Result<> WriteNext(const std::string& next, const std::string& path, std::string_view text,
                   int mode, const struct stat* owner) {
  // One that is there is of a write that was interrupted, or of nobody that is to be trusted: in a
  // folder where others may write, it may be a link, or be open for them to read.
  if (::unlink(next.c_str()) != 0 && errno != ENOENT) return FileFault("unlink", path);
  const OpenFile file(
      ::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (file.get() < 0) return FileFault("open", path);
  if (owner != nullptr) {
    // Who is not root has no other's file to keep as it was.
    (void)!::fchown(file.get(), owner->st_uid, owner->st_gid);
    (void)::fchmod(file.get(), static_cast<mode_t>(mode));
  }
  return WriteAll(file.get(), path, text);
}

// Into what is there, which stays.
Result<> WriteInto(const std::string& target, const std::string& path, std::string_view text) {
  const OpenFile file(::open(target.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (file.get() < 0) return FileFault("open", path);
  return WriteAll(file.get(), path, text);
}

// Where the links of that name lead to.
std::string Followed(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr int kLinksMax = 40;
  std::error_code code;
  fs::path target = path;
  for (int i = 0; i < kLinksMax && fs::is_symlink(target, code); ++i) {
    target = target.parent_path() / fs::read_symlink(target, code);
  }
  return target.string();
}

}  // namespace

Result<std::string> ReadWholeFile(const std::string& path) {
  const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return FileFault("open", path);
  std::string text;
  char piece[16 << 10];
  while (true) {
    const ssize_t count = ::read(file.get(), piece, sizeof piece);
    if (count == 0) return text;
    if (count < 0 && errno != EINTR) return FileFault("read", path);
    if (count > 0) text.append(piece, static_cast<size_t>(count));
  }
}

std::string ReadEndOfFile(const std::string& path, size_t bytes_max) {
  const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat there {};
  if (file.get() < 0 || ::fstat(file.get(), &there) != 0) return "";
  std::string text(bytes_max, '\0');
  const off_t begin = std::max<off_t>(0, there.st_size - static_cast<off_t>(bytes_max));
  const ssize_t count = ::pread(file.get(), text.data(), text.size(), begin);
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, count)));
  return text;
}

Result<> WriteWholeFile(const std::string& path, std::string_view text, int mode) {
  const std::string next = path + ".new";
  TRY(WriteNext(next, path, text, mode, nullptr));
  if (::rename(next.c_str(), path.c_str()) != 0) return FileFault("rename", path);
  return {};
}

Result<> WriteUsersFile(const std::string& path, std::string_view text, int mode, int mode_max) {
  const std::string target = Followed(path), next = target + ".new";
  struct stat there {};
  const bool exists = ::stat(target.c_str(), &there) == 0;
  if (exists && ::access(target.c_str(), W_OK) != 0) return FileFault("open", path);
  // As /dev/null, which all others would miss.
  if (exists && !S_ISREG(there.st_mode)) return WriteInto(target, path, text);
  const int kept = static_cast<int>(there.st_mode) & mode_max;
  TRY(WriteNext(next, path, text, exists ? kept : mode, exists ? &there : nullptr));
  if (::rename(next.c_str(), target.c_str()) == 0) return {};
  if (errno != EBUSY) return FileFault("rename", path);
  // It is mounted by itself, as into a container.
  ::unlink(next.c_str());
  return WriteInto(target, path, text);
}

}  // namespace skiff
