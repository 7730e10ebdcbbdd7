// Files that change all at once: a directory whose entries are links into `..data`, itself a link
// that is renamed over. A reader sees either all old contents or all new ones.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace skiff::kubelet {

struct FileContent {
  std::string bytes;
  unsigned mode = 0644;
  bool operator==(const FileContent&) const = default;
};

// By path relative to the directory ("a/b"). Writes nothing when the contents are there already.
// Paths must stay inside and no part of them may begin with "..".
Result<> WriteFilesAtomically(const std::string& directory,
                              const std::map<std::string, FileContent>& files, TimePoint now);

}  // namespace skiff::kubelet
