#include "skiff/kubelet_directory.h"

#include <filesystem>

namespace skiff {
namespace {

namespace fs = std::filesystem;

bool LeadsTo(const std::string& known, const fs::path& root) {
  std::error_code error;
  return fs::is_symlink(known, error) && fs::read_symlink(known, error) == root;
}

}  // namespace

bool LinkKubeletDirectory(const std::string& root, const std::string& known) {
  std::error_code error;
  const fs::path target = fs::absolute(root, error);
  if (error) return false;
  // Of a node that was removed by hand.
  if (fs::is_symlink(known, error) && !fs::exists(known, error)) fs::remove(known, error);
  fs::create_directory_symlink(target, known, error);
  return LeadsTo(known, target);
}

void UnlinkKubeletDirectory(const std::string& root, const std::string& known) {
  std::error_code error;
  if (LeadsTo(known, fs::absolute(root, error))) fs::remove(known, error);
}

}  // namespace skiff
