// Files below a directory that others may write: opened, made and removed through descriptors, so
// that whoever changes a directory into a link in between gets an error and nothing outside of the
// directory is ever touched.
//
//   const Descriptor volume = TRY(OpenDirectory("/.../volumes/kubernetes.io~empty-dir/cache"));
//   const std::string inside = TRY(ResolveBeneath(volume, "a/link/b"));   // "a/target/b"
//   const Descriptor file = TRY(OpenBeneath(volume, inside, O_PATH));
//   mount(file.Path().c_str(), target, ...)                               // Follows no link.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace skiff::kubelet {

// An open file of this process; closed with it.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  // The caller closes it.
  int Release();
  // A path of the very file that is open, wherever its name leads by now: for calls that take no
  // descriptor, as mount(2).
  std::string Path() const { return "/proc/self/fd/" + std::to_string(number_); }
  Result<struct stat> Stat() const;

 private:
  int number_ = -1;
};

// "open /x: No such file or directory", with the Reason that the error number stands for.
Error SystemError(const std::string& what, int error_number);

// A directory that only this process's owner can have put there: its name may hold links.
Result<Descriptor> OpenDirectory(const std::string& path);

// A regular file for reading, without waiting: whoever may write its directory may have put a FIFO
// there, which would keep the reader for ever, or a link to what is none of its business.
Result<Descriptor> OpenRegularFile(const std::string& path);

// What a directory has in it, unsorted; nothing of one that cannot be read, or as far as it can.
std::vector<std::string> NamesIn(const std::string& directory);
// All of it, which is nothing where there is no directory: for who acts on what is not there. Fails
// where it cannot be read, as without descriptors.
Result<std::vector<std::string>> AllNamesIn(const std::string& directory);

// The number of the mount that an open file lies on.
Result<int> MountNumber(const Descriptor& file);

// Makes the directories of a path that are missing, each with `mode` exactly.
Result<> MakeDirectories(const std::string& path, mode_t mode);

// Opens a relative path without links below `root`; "" and "." are the root itself. A link at any
// place of it is an error, and so is "..".
Result<Descriptor> OpenBeneath(const Descriptor& root, const std::string& path, int flags);

// The same without openat2(2), for kernels that lack it: one component after the other.
Result<Descriptor> WalkBeneath(const Descriptor& root, const std::string& path, int flags);

// The path below `root` that `path` leads to when its links are followed: it has none, and parts at
// its end may not exist. Links that are absolute or lead out of `root` are errors (Forbidden), but
// for those that begin with `root_path`, if that is not "": they are taken to begin at `root`.
// Somebody may make a link of a part as soon as this returns: open it with OpenBeneath.
Result<std::string> ResolveBeneath(const Descriptor& root, const std::string& path,
                                   const std::string& root_path = "");

// A regular file below `root` for reading, which links that stay there may lead to. What it is, is
// asked before it is opened: a FIFO would keep the reader, and opening a device may do anything.
Result<Descriptor> OpenRegularFileBeneath(const Descriptor& root, const std::string& path);

// All that the file holds; one that holds more than `bytes_max` is an error (Invalid).
Result<std::string> ReadWhole(const Descriptor& file, size_t bytes_max);

// Makes the directories of a path without links that are missing, each with `mode` exactly.
Result<> MakeDirectoriesBeneath(const Descriptor& root, const std::string& path, mode_t mode);

// Removes all that the directory has in it, following no link and leaving no file system: a mount
// in it is an error. Takes constant memory and few descriptors, however deep the tree is.
Result<> RemoveContents(const Descriptor& directory);

// The same, and the directory. Does nothing when there is none.
Result<> RemoveTree(const std::string& path);

}  // namespace skiff::kubelet
