#include "base/folders.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

namespace skiff {

namespace fs = std::filesystem;

std::error_code MakeFolder(const std::string& path, mode_t mode) {
  std::error_code error;
  const fs::path whole = (fs::absolute(path, error) / "").lexically_normal().parent_path();
  fs::path made;
  for (const fs::path& part : whole) {
    made /= part;
    if (fs::is_directory(made, error)) continue;
    if (mkdir(made.c_str(), made == whole ? mode : 0755) != 0 && errno != EEXIST) {
      return {errno, std::generic_category()};
    }
  }
  return fs::is_directory(whole, error) ? std::error_code()
                                        : std::make_error_code(std::errc::not_a_directory);
}

std::error_code MakePrivateFolder(const std::string& path) {
  return MakeFolder(path, 0700);
}

}  // namespace skiff
