// For tests: a directory that goes with the test, whatever was mounted in it.
#pragma once

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/whole_file.h"

#include "kubelet/mount_table.h"

namespace skiff::kubelet {

class TemporaryTree {
 public:
  TemporaryTree() {
    char name[] = "/tmp/skiff-volumes-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    root_ = name;
  }
  TemporaryTree(const TemporaryTree&) = delete;
  TemporaryTree& operator=(const TemporaryTree&) = delete;
  ~TemporaryTree() {
    for (const std::string& mount : MountsBelow(root_)) umount2(mount.c_str(), MNT_DETACH);
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  const std::string& root() const { return root_; }
  std::string Path(const std::string& path) const { return root_ + "/" + path; }
  std::string MakeDirectory(const std::string& path) const {
    std::filesystem::create_directories(Path(path));
    return Path(path);
  }
  std::string Write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(Path(path)).parent_path());
    std::ofstream(Path(path)) << text;
    return Path(path);
  }
  std::string Link(const std::string& target, const std::string& path) const {
    std::filesystem::create_symlink(target, Path(path));
    return Path(path);
  }
  bool Exists(const std::string& path) const {
    return std::filesystem::exists(std::filesystem::symlink_status(Path(path)));
  }
  std::string Read(const std::string& path) const { return ReadWholeFile(Path(path)).value_or(""); }
  struct stat Stat(const std::string& path) const {
    struct stat info {};
    EXPECT_EQ(lstat(Path(path).c_str(), &info), 0) << path;
    return info;
  }
  unsigned Mode(const std::string& path) const { return Stat(path).st_mode & 07777; }

 private:
  std::string root_;
};

// Whether this process may mount: where it may not, what needs it cannot be tried.
inline bool MayMount() {
  const TemporaryTree tree;
  return mount("tmpfs", tree.root().c_str(), "tmpfs", 0, "") == 0;
}

}  // namespace skiff::kubelet
