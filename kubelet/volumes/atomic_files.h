// Files that change all at once: a directory whose entries are links into `..data`, itself a link
// that is renamed over. A reader sees either all old contents or all new ones.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "kubelet/volumes/fs_group.h"

namespace skiff::kubelet {

struct FileContent {
  std::string bytes;
  unsigned mode = 0644;
  std::optional<uid_t> owner = {};  // Unset: whoever writes it.
  bool operator==(const FileContent&) const = default;
};

// By path relative to the directory ("a/b"), which exists. Writes nothing when the contents are
// there already. Paths must stay inside and must not begin with "..". Modes are exact, and with a
// group they are widened for it before anybody can see the files.
Result<> WriteFilesAtomically(const std::string& directory,
                              const std::map<std::string, FileContent>& files, TimePoint now,
                              const std::optional<FsGroup>& group = std::nullopt);

}  // namespace skiff::kubelet
