#include "skiff/move_file.h"

#include <filesystem>
#include <system_error>

namespace skiff {

Result<> MoveFile(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::rename(from, to, error);
  if (error == std::errc::cross_device_link) {
    const std::string beside = to + ".new";
    error.clear();
    fs::copy_file(from, beside, fs::copy_options::overwrite_existing, error);
    if (!error) fs::rename(beside, to, error);
    if (!error) fs::remove(from, error);
  }
  if (!error) return {};
  return Fail(Reason::kInternalError, "move " + from + " to " + to + ": " + error.message());
}

}  // namespace skiff
