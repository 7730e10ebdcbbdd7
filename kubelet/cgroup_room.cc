#include "kubelet/cgroup_room.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace skiff {
namespace {

namespace fs = std::filesystem;

// Processes that are moved may start others meanwhile.
constexpr int kRoundsMax = 100;

std::vector<std::string> Words(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// The kernel answers to each write by itself. 0, or errno.
int Write(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  const int error = write(file, text.data(), text.size()) < 0 ? errno : 0;
  close(file);
  return error;
}

Result<> MoveProcesses(const std::string& from, const std::string& to) {
  for (int round = 0; round < kRoundsMax; ++round) {
    const auto processes = Words(from + "/cgroup.procs");
    if (processes.empty()) return {};
    for (const std::string& process : processes) {
      if (process == "0") {  // So it looks from here, and so whoever writes calls himself.
        return Fail(Reason::kForbidden, "a process outside of this container is in its cgroup");
      }
      const int error = Write(to + "/cgroup.procs", process);
      if (error == 0 || error == ESRCH) continue;  // It has ended meanwhile.
      return Fail(Reason::kForbidden,
                  "process " + process + " cannot be moved to " + to + ": " + std::strerror(error));
    }
  }
  return Fail(Reason::kConflict, from + " always has new processes");
}

}  // namespace

Result<> MakeRoomForCgroups(const std::string& mount) {
  std::error_code error;
  // Only the machine's own root has no type.
  if (!fs::exists(mount + "/cgroup.type", error)) return {};
  const std::string leaf = mount + "/init";
  if (!Words(mount + "/cgroup.procs").empty()) {
    fs::create_directory(leaf, error);
    if (error) return Fail(Reason::kForbidden, leaf + ": " + error.message());
    TRY(MoveProcesses(mount, leaf));
  }
  for (const std::string& controller : Words(mount + "/cgroup.controllers")) {
    const std::string path = mount + "/cgroup.subtree_control";
    if (const int code = Write(path, "+" + controller); code != 0) {
      return Fail(Reason::kForbidden, controller + " in " + path + ": " + std::strerror(code));
    }
  }
  return {};
}

}  // namespace skiff
