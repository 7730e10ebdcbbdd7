// What a directory takes of a disk. Pods write what they like into theirs, so nothing is held in
// memory of a file, no symbolic link is followed, and no walk goes on for ever.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

namespace skiff::kubelet {

struct DirectoryUsage {
  int64_t bytes = 0;
  int64_t inodes = 0;
  // Else it takes that much at least: there was more than a walk looks at, it was stopped, or what
  // was looked at was moved away each time.
  bool is_complete = true;
};
// What a directory and all below it takes, other file systems left out.
DirectoryUsage UsageOfDirectory(const std::string& path);

// How far a walk goes.
struct WalkBounds {
  // Who renames directories onto the end of a tree while it is walked makes it as deep as he likes.
  size_t levels = 10'000;
  // As many as a large disk has inodes; a directory that is written all the while has no end.
  int64_t entries = 20'000'000;
  // Of directories far down that wait until their neighbours were walked.
  size_t names = 100'000;
  // Nobody waits for what it finds any more.
  std::stop_token stop = {};
};
DirectoryUsage UsageOfDirectoryWithin(const std::string& path, const WalkBounds& bounds);

}  // namespace skiff::kubelet
