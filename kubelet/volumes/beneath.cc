#include "kubelet/volumes/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <deque>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

namespace skiff::kubelet {
namespace {

constexpr int kLinksMax = 40;  // As the kernel follows in one path.

Reason ReasonOf(int error_number) {
  switch (error_number) {
    case ENOENT:
      return Reason::kNotFound;
    case EEXIST:
      return Reason::kAlreadyExists;
    case ELOOP:
    case EXDEV:
    case EPERM:
    case EACCES:
      return Reason::kForbidden;
    case ENOTDIR:
    case ENAMETOOLONG:
      return Reason::kInvalid;
    default:
      return Reason::kInternalError;
  }
}

// The parts of a relative path; those that are empty or "." mean nothing.
std::vector<std::string> Parts(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    std::string part = path.substr(begin, end - begin);
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    begin = end + 1;
  }
  return parts;
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string path;
  for (const std::string& part : parts) path += (path.empty() ? "" : "/") + part;
  return path;
}

// The system reads a path up to a zero byte: what we take for a name of many letters may be "..".
Result<> RefuseZero(const std::string& path) {
  if (path.find('\0') == std::string::npos) return {};
  return Fail(Reason::kInvalid, "a path with a zero byte in it");
}

Result<std::vector<std::string>> PartsBeneath(const std::string& path) {
  TRY(RefuseZero(path));
  auto parts = Parts(path);
  if (path.starts_with('/')) return Fail(Reason::kForbidden, path + " is not relative");
  for (const std::string& part : parts) {
    if (part == "..") return Fail(Reason::kForbidden, path + " must not contain '..'");
  }
  return parts;
}

// The text of a link; "" when there is no link of that name.
Result<std::string> ReadLink(const Descriptor& directory, const std::string& name) {
  std::string text(PATH_MAX, '\0');
  const ssize_t length = readlinkat(directory.number(), name.c_str(), text.data(), text.size());
  if (length < 0) {
    const int code = errno;
    if (code == EINVAL || code == ENOENT) return std::string();
    return Fail(SystemError("readlink " + name, code));
  }
  text.resize(static_cast<size_t>(length));
  return text;
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this == &other) return *this;
  if (number_ >= 0) close(number_);
  number_ = other.Release();
  return *this;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) close(number_);
}

int Descriptor::Release() {
  return std::exchange(number_, -1);
}

Result<struct stat> Descriptor::Stat() const {
  struct stat info {};
  if (fstat(number_, &info) != 0) {
    const int code = errno;
    return Fail(SystemError("fstat", code));
  }
  return info;
}

Error SystemError(const std::string& what, int error_number) {
  return {ReasonOf(error_number), what + ": " + std::generic_category().message(error_number)};
}

namespace {

std::error_code ReadNames(const std::string& directory, std::vector<std::string>& names) {
  std::error_code error;
  // The loop of a range would throw what it cannot read.
  std::filesystem::directory_iterator it(directory, error), end;
  for (; !error && it != end; it.increment(error)) names.push_back(it->path().filename());
  return error;
}

}  // namespace

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  (void)ReadNames(directory, names);
  return names;
}

Result<std::vector<std::string>> AllNamesIn(const std::string& directory) {
  std::vector<std::string> names;
  const std::error_code error = ReadNames(directory, names);
  const bool is_none =
      error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  if (!error || is_none) return names;
  return Fail(SystemError("open " + directory, error.value()));
}

Result<int> MountNumber(const Descriptor& file) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(file.number()));
  for (std::string word; info >> word;) {
    int number = 0;
    if (word == "mnt_id:" && info >> number) return number;
  }
  return Fail(Reason::kInternalError, "cannot tell the mount of a directory");
}

Result<Descriptor> OpenDirectory(const std::string& path) {
  Descriptor opened(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.is_open()) return opened;
  const int code = errno;
  return Fail(SystemError("open " + path, code));
}

Result<Descriptor> OpenRegularFile(const std::string& path) {
  Descriptor opened(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!opened.is_open()) {
    const int code = errno;
    return Fail(SystemError("open " + path, code));
  }
  const struct stat info = TRY(opened.Stat());
  if (!S_ISREG(info.st_mode)) return Fail(Reason::kInvalid, path + " is not a regular file");
  return opened;
}

Result<> MakeDirectories(const std::string& path, mode_t mode) {
  std::string made = path.starts_with('/') ? "" : ".";
  for (const std::string& part : Parts(path)) {
    made += "/" + part;
    if (mkdir(made.c_str(), mode) != 0) {
      const int code = errno;
      struct stat info {};
      if (code == EEXIST && stat(made.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
      return Fail(SystemError("mkdir " + made, code));
    }
    // The umask may have taken bits away.
    if (chmod(made.c_str(), mode) != 0) {
      const int code = errno;
      return Fail(SystemError("chmod " + made, code));
    }
  }
  return {};
}

Result<Descriptor> WalkBeneath(const Descriptor& root, const std::string& path, int flags) {
  const auto parts = TRY(PartsBeneath(path));
  Descriptor here(fcntl(root.number(), F_DUPFD_CLOEXEC, 0));
  if (!here.is_open()) {
    const int code = errno;
    return Fail(SystemError("dup", code));
  }
  for (size_t i = 0; i <= parts.size(); ++i) {
    const bool is_last = i + 1 >= parts.size();
    const std::string& name = parts.empty() ? "." : parts[i];
    const int how = is_last ? flags : O_PATH | O_DIRECTORY;
    Descriptor next(openat(here.number(), name.c_str(), how | O_NOFOLLOW | O_CLOEXEC));
    if (!next.is_open()) {
      const int code = errno;
      return Fail(SystemError("open " + path, code));
    }
    here = std::move(next);
    // With O_PATH a link itself can be opened.
    const struct stat info = TRY(here.Stat());
    if (S_ISLNK(info.st_mode)) return Fail(SystemError("open " + path, ELOOP));
    if (is_last) break;
  }
  return here;
}

Result<Descriptor> OpenBeneath(const Descriptor& root, const std::string& path, int flags) {
  const auto parts = TRY(PartsBeneath(path));
  const std::string relative = parts.empty() ? "." : Joined(parts);
  open_how how{};
  how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long opened = syscall(SYS_openat2, root.number(), relative.c_str(), &how, sizeof(how));
  if (opened >= 0) return Descriptor(static_cast<int>(opened));
  const int code = errno;
  // Sandboxes around this process may refuse a call that they do not know.
  if (code == ENOSYS || code == EPERM) return WalkBeneath(root, relative, flags);
  return Fail(SystemError("open " + path, code));
}

Result<std::string> ResolveBeneath(const Descriptor& root, const std::string& path,
                                   const std::string& root_path) {
  TRY(RefuseZero(path));
  if (path.starts_with('/')) return Fail(Reason::kForbidden, path + " is not relative");
  std::vector<std::string> done;
  const auto given = Parts(path);
  std::deque<std::string> left(given.begin(), given.end());
  int links = 0;
  while (!left.empty()) {
    const std::string name = std::move(left.front());
    left.pop_front();
    if (name == "..") {
      if (done.empty()) return Fail(Reason::kForbidden, path + " leaves its directory");
      done.pop_back();
      continue;
    }
    const auto parent = OpenBeneath(root, Joined(done), O_PATH | O_DIRECTORY);
    if (!parent && parent.error().reason != Reason::kNotFound) {
      return tl::unexpected(parent.error());
    }
    std::string link;
    if (parent) link = TRY(ReadLink(*parent, name));
    if (link.empty()) {
      done.push_back(name);
      continue;
    }
    if (++links > kLinksMax) return Fail(SystemError("open " + path, ELOOP));
    if (!root_path.empty() && (link + "/").starts_with(root_path + "/")) {
      done.clear();
      link.erase(0, root_path.size());
    } else if (link.starts_with('/')) {
      return Fail(Reason::kForbidden, path + " leaves its directory by a link");
    }
    const auto parts = Parts(link);
    left.insert(left.begin(), parts.begin(), parts.end());
  }
  return Joined(done);
}

Result<Descriptor> OpenRegularFileBeneath(const Descriptor& root, const std::string& path) {
  const std::string inside = TRY(ResolveBeneath(root, path));
  const Descriptor found = TRY(OpenBeneath(root, inside, O_PATH));
  const struct stat info = TRY(found.Stat());
  if (!S_ISREG(info.st_mode)) return Fail(Reason::kInvalid, path + " is not a regular file");
  Descriptor opened(open(found.Path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (opened.is_open()) return opened;
  const int code = errno;
  return Fail(SystemError("open " + path, code));
}

Result<std::string> ReadWhole(const Descriptor& file, size_t bytes_max) {
  std::string text;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = read(file.number(), buffer, sizeof buffer);
    if (got == 0) return text;
    if (got < 0) {
      const int code = errno;
      if (code == EINTR) continue;
      return Fail(SystemError("read", code));
    }
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > bytes_max) {
      return Fail(Reason::kInvalid, "the file is longer than " + std::to_string(bytes_max));
    }
  }
}

Result<> MakeDirectoriesBeneath(const Descriptor& root, const std::string& path, mode_t mode) {
  const auto parts = TRY(PartsBeneath(path));
  Descriptor here = TRY(OpenBeneath(root, "", O_RDONLY | O_DIRECTORY));
  for (const std::string& name : parts) {
    const bool is_made = mkdirat(here.number(), name.c_str(), 0700) == 0;
    if (const int code = errno; !is_made && code != EEXIST) {
      return Fail(SystemError("mkdir " + path, code));
    }
    Descriptor next = TRY(OpenBeneath(here, name, O_RDONLY | O_DIRECTORY));
    if (is_made && fchmod(next.number(), mode) != 0) {
      const int code = errno;
      return Fail(SystemError("chmod " + path, code));
    }
    here = std::move(next);
  }
  return {};
}

}  // namespace skiff::kubelet
