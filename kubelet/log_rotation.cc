#include "kubelet/log_rotation.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "kubelet/pod_observed.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPacked = ".gz";
constexpr std::string_view kUnfinished = ".tmp";

std::string Label(const cri::StringMap& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? "" : found->second;
}

// "20061102-150405", of this machine's time as kubelets write it.
std::string Stamp(TimePoint time) {
  const std::time_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:%Y%m%d-%H%M%S}", local);
}

}  // namespace

RotationPlan PlanRotation(const std::string& log_name, std::vector<std::string> names,
                          int files_max) {
  RotationPlan plan;
  const std::string prefix = log_name + ".";
  std::erase_if(names, [&](const auto& name) { return !name.starts_with(prefix); });
  std::sort(names.begin(), names.end());
  const std::set<std::string> all(names.begin(), names.end());
  std::vector<std::string> kept;
  for (const std::string& name : names) {
    // A crash came between packing it and removing the original.
    const bool is_packed_already = all.contains(name + std::string(kPacked));
    if (name.ends_with(kUnfinished) || is_packed_already) {
      plan.remove.push_back(name);
    } else {
      kept.push_back(name);
    }
  }
  // Room for the one that is written and the one that it becomes.
  const size_t room = static_cast<size_t>(std::max(0, files_max - 2));
  while (kept.size() > room) {
    plan.remove.push_back(kept.front());
    kept.erase(kept.begin());
  }
  for (const std::string& name : kept) {
    if (!name.ends_with(kPacked)) plan.pack.push_back(name);
  }
  return plan;
}

std::string ContainerLogPath(const std::string& log_root, const cri::Container& container) {
  return fmt::format("{}/{}_{}_{}/{}/{}.log", log_root, Label(container.labels, kPodNamespaceLabel),
                     Label(container.labels, kPodNameLabel), Label(container.labels, kPodUidLabel),
                     container.metadata.name, container.metadata.attempt);
}

Duration LogRotation::Step() {
  cri::ContainerFilter running;
  running.state = cri::ContainerState::kRunning;
  const auto containers = runtime_.ListContainers(running);
  if (!containers) return settings_.period;  // Others say that the runtime is down.
  for (const cri::Container& container : *containers) {
    if (Label(container.labels, kPodUidLabel).empty()) continue;
    const std::string path = ContainerLogPath(settings_.log_root, container);
    struct stat entry {};
    if (lstat(path.c_str(), &entry) != 0) {
      // It was moved aside and its container told nothing, as by a crash in between.
      std::error_code ignored;
      if (fs::exists(fs::path(path).parent_path(), ignored)) {
        (void)runtime_.ReopenContainerLog(container.id);  // The next round tries again.
      }
      continue;
    }
    if (!S_ISREG(entry.st_mode) || entry.st_size < settings_.bytes_max) continue;
    if (const auto rotated = Rotate(container, path); !rotated) {
      log_.Error("log not rotated", {{"path", path}, {"error", rotated.error().message}});
    }
  }
  return settings_.period;
}

Result<> LogRotation::Rotate(const cri::Container& container, const std::string& path) {
  const fs::path directory = fs::path(path).parent_path();
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    // What somebody else put beside the logs must not keep them from being rotated.
    std::error_code ignored;
    if (!fs::is_regular_file(entry->symlink_status(ignored))) continue;
    names.push_back(entry->path().filename().string());
  }
  const RotationPlan plan =
      PlanRotation(fs::path(path).filename().string(), std::move(names), settings_.files_max);
  for (const std::string& name : plan.remove) fs::remove(directory / name, error);
  for (const std::string& name : plan.pack) TRY(PackFile((directory / name).string()));
  const std::string aside = path + "." + Stamp(clock_.Now());
  fs::rename(path, aside, error);
  if (error) return Fail(Reason::kInternalError, "rename " + path + ": " + error.message());
  const auto reopened = runtime_.ReopenContainerLog(container.id);
  if (reopened) return {};
  // Else the container would go on writing where nobody looks.
  fs::rename(aside, path, error);
  return Fail(Reason::kInternalError, fmt::format("failed to reopen container log \"{}\": {}",
                                                  container.id, reopened.error().message));
}

}  // namespace skiff::kubelet
