#include "e2e/simulation/simulated_disk.h"

#include <stdlib.h>

#include <filesystem>

namespace skiff {
namespace {

namespace fs = std::filesystem;

// In memory where there is such a place.
fs::path Place() {
  std::error_code error;
  const fs::path memory = "/dev/shm";
  return fs::is_directory(memory, error) ? memory : fs::temp_directory_path();
}

}  // namespace

SimulatedDisk::SimulatedDisk() {
  root_ = Place() / "skiff-simulation-XXXXXX";
  CHECK(mkdtemp(root_.data()) != nullptr);
}

SimulatedDisk::~SimulatedDisk() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

void SimulatedDisk::Wipe() {
  in_memory_.clear();
  for (const auto& entry : fs::directory_iterator(root_)) fs::remove_all(entry.path());
}

Result<> SimulatedDisk::EnsureMemory(const std::string& directory, int64_t) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return Fail(Reason::kUnknown, "mkdir " + directory + ": " + error.message());
  in_memory_.insert(directory);
  return {};
}

Result<std::string> SimulatedDisk::SubPath(const kubelet::SubPathInput& input) {
  const fs::path part = fs::path(input.volume_path) / input.sub_path;
  const fs::path target = input.target;
  std::error_code error;
  if (!fs::exists(part, error)) fs::create_directories(part, error);
  fs::create_directories(target.parent_path(), error);
  fs::remove(target, error);
  if (fs::is_directory(part, error)) {
    fs::create_directory_symlink(part, target, error);
  } else {
    fs::copy_file(part, target, error);
  }
  if (error) return Fail(Reason::kUnknown, "mount " + input.sub_path + ": " + error.message());
  return input.target;
}

Result<> SimulatedDisk::UnmountBelow(const std::string& directory) {
  std::erase_if(in_memory_, [&](const auto& path) { return path.starts_with(directory + "/"); });
  return {};
}

}  // namespace skiff
