// tar files, as far as image archives need them: ustar, with pax and GNU long names when read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace skiff {

// Lays out an archive in memory. Every entry has time 0 and belongs to root, so that the same input
// gives the same bytes. Paths are relative, without a leading or trailing slash, 255 bytes at most.
class TarWriter {
 public:
  void AddFolder(std::string_view path, uint32_t mode);
  void AddFile(std::string_view path, uint32_t mode, std::string_view content);
  void AddSymlink(std::string_view path, std::string_view target);
  // What stands before a file whose content the caller writes: all that was added, and its header.
  // After the content come TarPadding of its size in zeros.
  std::string TakeUpToFile(std::string_view path, uint32_t mode, uint64_t size);
  // Another name for a file that was added before.
  void AddHardLink(std::string_view path, std::string_view existing_path);
  // Ends the archive; the writer is empty afterwards.
  std::string Finish();

 private:
  struct Entry {
    std::string_view path;
    uint32_t mode;
    char type;
    std::string_view link;
    uint64_t size;
  };
  void AddHeader(const Entry& entry);
  std::string bytes_;
};

// How many bytes stand behind a content of that size, before the next entry.
uint64_t TarPadding(uint64_t size);
// What a header can say.
inline constexpr uint64_t kTarFileBytesMax = (uint64_t{8} << 30) - 1;

struct TarEntry {
  enum class Type { kFile, kFolder, kSymlink, kHardLink, kOther };
  std::string path;  // Without a leading "./".
  Type type = Type::kFile;
  std::string link;
  uint64_t offset = 0;  // Of its content in the archive.
  uint64_t size = 0;
};

// Every entry of the archive in `file`, in order. Content is not read. Errors: kBadRequest when it
// is not a tar file, or a damaged or compressed one; at most kTarEntriesMax entries.
Result<std::vector<TarEntry>> ReadTarIndex(int file);
inline constexpr size_t kTarEntriesMax = 100'000;

}  // namespace skiff
