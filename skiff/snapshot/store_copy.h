// A copy of a cluster's store as it is at a moment: of one that runs its server makes it, of one
// that does not this process does.
#pragma once

#include <string>

#include "base/error.h"
#include "skiff/snapshot/archive.h"

namespace skiff {

class StoreCopy {
 public:
  // `kubeconfig`: who asks the server; "": the administrator of the cluster of that data directory,
  // if it runs. `aside`: a directory on whose disk the copy lies where the cluster's own is full.
  static Result<StoreCopy> Take(const std::string& data_dir, const std::string& kubeconfig,
                                const std::string& aside);
  StoreCopy(StoreCopy&& other) noexcept;
  ~StoreCopy();  // The copy goes, unless it was moved.

  const std::string& path() const { return path_; }
  // What is in it, and with which versions it is written from here.
  Result<SnapshotFacts> Facts(const std::string& data_dir) const;
  // Within a disk no byte is copied.
  Result<> MoveTo(const std::string& path);

 private:
  explicit StoreCopy(std::string path) : path_(std::move(path)) {}
  // Without a server, which can make none on its own disk.
  static Result<StoreCopy> TakeAside(const std::string& data_dir, const std::string& aside,
                                     Error why);
  std::string path_;
  std::string folder_;  // That was made for the copy, and goes with this; "": none.
};

}  // namespace skiff
