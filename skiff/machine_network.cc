#include "skiff/machine_network.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "apiserver/auth/pki.h"
#include "base/hash.h"
#include "skiff/host_facts.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

// Gone with a reboot, as the network is.
constexpr char kDirectory[] = "/run/skiff";

std::string OfThisNetwork() {
  struct stat network {};
  if (stat("/proc/self/ns/net", &network) != 0) return kDirectory;
  return fmt::format("{}/network-{}", kDirectory, network.st_ino);
}

}  // namespace

MachineNetwork::MachineNetwork() : directory_(OfThisNetwork()) {}

std::string MachineNetwork::FileOf(const std::string& data_dir) const {
  return directory_ + "/" + Base32(Sha256(data_dir));
}

Result<> MachineNetwork::Join(const std::string& data_dir) {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return Fail(Reason::kForbidden, directory_ + ": " + error.message());
  return WriteWholeFile(FileOf(data_dir), data_dir, 0644);
}

std::vector<std::string> MachineNetwork::Others(const std::string& data_dir) const {
  std::vector<std::string> others;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    const auto other = ReadWholeFile(entry.path());
    if (other && *other != data_dir && HasClusterMark(*other)) others.push_back(*other);
  }
  std::sort(others.begin(), others.end());
  return others;
}

void MachineNetwork::Leave(const std::string& data_dir) {
  std::error_code ignored;  // A file too many says nothing once its cluster's directory is gone.
  fs::remove(FileOf(data_dir), ignored);
  fs::remove(directory_, ignored);  // Where nobody else is in it.
  fs::remove(fs::path(directory_).parent_path(), ignored);
}

}  // namespace skiff
