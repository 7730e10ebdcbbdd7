// Tells when a file or a directory changes: inotify, read by one of the loops. Nothing looks at the
// file meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "http/loop.h"

namespace skiff::http {

enum class FileChanges {
  kWhole,  // A file was made, moved, removed, or closed by who wrote it.
  kAll,    // Every write as well.
};

class FileWatch {
 public:
  // Of a file, or of a directory and the files in it. `changed` is called on a loop's thread, once
  // for any number of changes that came together; it does not block and does not end the watch.
  // Fails with NotFound when nothing is at `path`.
  static Result<std::unique_ptr<FileWatch>> Open(Loops& loops, const std::string& path,
                                                 FileChanges changes,
                                                 std::function<void()> changed);
  // On return `changed` does not run and never will.
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  class Listener;
  FileWatch(Loop& loop, std::shared_ptr<Listener> listener);
  Loop& loop_;
  const std::shared_ptr<Listener> listener_;
};

}  // namespace skiff::http
