// The files beside a compose file: what loading and converting read, and tests give.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace skiff::cli::compose {

// What is below a folder, relative to it, sorted.
struct FolderContents {
  std::vector<std::string> files;
  // Neither files nor folders: links to folders, which are not followed, or to nowhere; sockets,
  // pipes, devices.
  std::vector<std::string> others;
};

class Files {
 public:
  enum class What : uint8_t { kMissing, kFile, kFolder, kOther };
  virtual ~Files() = default;
  virtual What Look(const std::string& path) const = 0;
  // Fails when it cannot be read, or has more bytes than that; the error says why, not which.
  virtual Result<std::string> Read(const std::string& path, size_t bytes_max) const = 0;
  // Fails when there are more files than that, or something is a link that leads out of the folder.
  virtual Result<FolderContents> Below(const std::string& path, size_t files_max) const = 0;
  virtual bool Executable(const std::string& path) const = 0;
  // Where an absolute path leads, without links and dots, as far as it is there; the path itself
  // where that cannot be told.
  virtual std::string Real(const std::string& path) const = 0;
};

// This machine's.
class DiskFiles final : public Files {
 public:
  What Look(const std::string& path) const override;
  Result<std::string> Read(const std::string& path, size_t bytes_max) const override;
  Result<FolderContents> Below(const std::string& path, size_t files_max) const override;
  bool Executable(const std::string& path) const override;
  std::string Real(const std::string& path) const override;
};

}  // namespace skiff::cli::compose
