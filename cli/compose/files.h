// The files beside a compose file: what loading and converting read, and tests give.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace skiff::cli::compose {

class Files {
 public:
  enum class What : uint8_t { kMissing, kFile, kFolder, kOther };
  virtual ~Files() = default;
  virtual What Look(const std::string& path) const = 0;
  // Fails when it cannot be read, or has more bytes than that; the error says why, not which.
  virtual Result<std::string> Read(const std::string& path, size_t bytes_max) const = 0;
  // The regular files below a folder, relative to it, sorted. Fails when there are more than that,
  // or one is a link that leads out of the folder, or to a folder.
  virtual Result<std::vector<std::string>> Below(const std::string& path,
                                                 size_t files_max) const = 0;
  virtual bool Executable(const std::string& path) const = 0;
  // Where that is, without links and dots; the path itself where that cannot be told.
  virtual std::string Real(const std::string& path) const = 0;
};

// This machine's.
class DiskFiles final : public Files {
 public:
  What Look(const std::string& path) const override;
  Result<std::string> Read(const std::string& path, size_t bytes_max) const override;
  Result<std::vector<std::string>> Below(const std::string& path,
                                         size_t files_max) const override;
  bool Executable(const std::string& path) const override;
  std::string Real(const std::string& path) const override;
};

}  // namespace skiff::cli::compose
