#include "kubelet/pod_cgroups.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <limits>
#include <vector>

#include "api/pods/pod_resources.h"
#include "api/rules/pods/pod_resources.h"
#include "kubelet/huge_pages.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

// Where pods' cgroups are, by their class.
constexpr const char* kParents[] = {"", "/burstable", "/besteffort"};
constexpr std::string_view kPodPrefix = "pod";
constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

Result<> WriteFile(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_TRUNC);
  int error = file < 0 ? errno : 0;
  if (file >= 0 && write(file, text.data(), text.size()) < 0) error = errno;
  if (file >= 0) close(file);
  if (error == 0) return {};
  return Fail(Reason::kInternalError,
              "write " + path + ": " + std::generic_category().message(error));
}

// The first number of the file; "max" is the largest there is.
int64_t NumberIn(const std::string& path) {
  std::ifstream file(path);
  int64_t number = kUnlimited;
  return file >> number ? number : kUnlimited;
}

// Every cgroup from the mount down to `path`, which is made: its controllers for the next.
void MakePath(const std::string& mount, const std::string& path) {
  std::error_code ignored;
  fs::create_directories(mount + path, ignored);
  std::vector<std::string> folders = {mount};
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    folders.push_back(mount + path.substr(0, end));
  }
  folders.push_back(mount + path);
  for (const std::string& folder : folders) {
    for (const char* controller : {"cpu", "cpuset", "memory", "pids", "hugetlb", "io"}) {
      // Some kernels have fewer of them; one that is missing shows when a limit is written.
      (void)WriteFile(folder + "/cgroup.subtree_control", std::string("+") + controller);
    }
  }
}

// The limit of a pod as a whole, with what runs beside its containers; 0: none.
int64_t LimitOf(const core_v1::PodSpec& spec, const std::string& name) {
  const auto limit = PodLimit(spec, name);
  if (!limit) return 0;
  const Resources overhead = Resources::From(spec.overhead);
  return SaturatedSum(*limit, name == "cpu" ? overhead.milli_cpu : overhead.memory);
}

// A cgroup and those below it, deepest first. One that still has a process stays; nobody counts on
// it being gone.
void RemoveFolders(const std::string& folder) {
  std::vector<std::string> folders;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_directory(error)) folders.push_back(entry->path().string());
  }
  std::sort(folders.begin(), folders.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  folders.push_back(folder);
  for (const std::string& each : folders) rmdir(each.c_str());
}

// Whether any process is in the cgroup or below it.
bool HasProcess(const std::string& folder) {
  const auto has = [](const fs::path& cgroup) {
    std::ifstream processes(cgroup / "cgroup.procs");
    return processes.is_open() && processes.peek() != std::ifstream::traits_type::eof();
  };
  if (has(folder)) return true;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored) && has(entry->path())) return true;
  }
  return false;
}

// How the folders of pods are called that lie in one: "pod<uid>", or as a slice is that lies in a
// slice, "kubepods-burstable-pod<uid>.slice".
struct NamePattern {
  std::string begin, end;
};
NamePattern PodNames(const std::string& folder, CgroupDriver driver) {
  if (driver == CgroupDriver::kCgroupfs) return {std::string(kPodPrefix), ""};
  return {fmt::format("{}-{}", fs::path(folder).stem().string(), kPodPrefix), ".slice"};
}

// What stands for the uids of the pods whose cgroups lie in the folder.
void AddPods(const std::string& folder, const NamePattern& pattern,
             std::vector<std::string>& names) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    const size_t around = pattern.begin.size() + pattern.end.size();
    if (name.size() <= around || !name.starts_with(pattern.begin) || !name.ends_with(pattern.end) ||
        !entry->is_directory(ignored)) {
      continue;
    }
    names.push_back(name.substr(pattern.begin.size(), name.size() - around));
  }
}

std::string Text(int64_t number) {
  return number == kUnlimited ? "max" : std::to_string(number);
}

}  // namespace

cri::LinuxResources PodCgroupResources(const core_v1::PodSpec& spec) {
  cri::LinuxResources out;
  out.cpu_shares = CpuShares(PodRequests(spec).milli_cpu);
  out.cpu_period = kCpuPeriodUs;
  out.cpu_quota = CpuQuota(LimitOf(spec, "cpu"));
  out.memory_limit_bytes = LimitOf(spec, "memory");
  return out;
}

int64_t CpuWeight(int64_t shares) {
  return 1 + (std::clamp<int64_t>(shares, 2, 262'144) - 2) * 9999 / 262'142;
}

cri::LinuxResources PodCgroups::ResourcesOf(const core_v1::PodSpec& spec) const {
  cri::LinuxResources out = PodCgroupResources(spec);
  if (!settings_.limits_cpu) out.cpu_quota = 0;
  std::map<std::string, Quantity> asked;
  for (const auto& [name, amount] : PodRequests(spec).scalar) {
    if (settings_.huge_pages.contains(name)) asked[name] = Quantity::FromValue(amount);
  }
  out.hugepage_limits = HugePageLimits(asked, settings_.huge_pages);
  return out;
}

std::string PodCgroups::PathOf(const core_v1::Pod& pod) const {
  return PodCgroup(pod, settings_.root, driver());
}

Result<> PodCgroups::Write(const std::string& path, const cri::LinuxResources& resources,
                           bool only_larger) const {
  const std::string folder = settings_.mount + path;
  const auto grows = [&](const char* file, int64_t wanted) {
    return !only_larger || wanted > NumberIn(folder + "/" + file);
  };
  const int64_t quota = resources.cpu_quota > 0 ? resources.cpu_quota : kUnlimited;
  const int64_t memory =
      resources.memory_limit_bytes > 0 ? resources.memory_limit_bytes : kUnlimited;
  const int64_t weight = CpuWeight(resources.cpu_shares);
  // Who is to have no limit has none where the kernel knows of no such thing.
  const auto is_due = [&](const char* file, int64_t wanted) {
    std::error_code ignored;
    return grows(file, wanted) &&
           (wanted != kUnlimited || fs::exists(folder + "/" + file, ignored));
  };
  if (is_due("memory.max", memory)) TRY(WriteFile(folder + "/memory.max", Text(memory)));
  if (is_due("cpu.max", quota)) {
    TRY(WriteFile(folder + "/cpu.max", Text(quota) + " " + std::to_string(kCpuPeriodUs)));
  }
  if (grows("cpu.weight", weight)) TRY(WriteFile(folder + "/cpu.weight", Text(weight)));
  for (const auto& [size, bytes] : resources.hugepage_limits) {
    const std::string file = fmt::format("hugetlb.{}.max", size);
    // Some kernels, and some containers, have no such controller.
    if (!fs::exists(folder + "/" + file)) continue;
    if (grows(file.c_str(), static_cast<int64_t>(bytes))) {
      TRY(WriteFile(folder + "/" + file, std::to_string(bytes)));
    }
  }
  return {};
}

// Observes how long it lived.
class PodCgroups::Timed {
 public:
  Timed(const PodCgroups& of, std::string_view operation)
      : of_(of),
        operation_(operation),
        begun_(of.metrics_ != nullptr ? of.clock_->Monotonic() : Duration::zero()) {}
  ~Timed() {
    if (of_.metrics_ == nullptr) return;
    of_.metrics_->cgroup_seconds.Observe({operation_},
                                         InSeconds(of_.clock_->Monotonic() - begun_));
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  const PodCgroups& of_;
  const std::string_view operation_;
  const Duration begun_;
};

Result<> PodCgroups::LimitPids(const std::string& folder, int64_t pids) const {
  const std::string path = folder + "/pids.max";
  if (pids > 0) return WriteFile(path, std::to_string(pids));
  // There may be a limit from when the configuration had one.
  return fs::exists(path) ? WriteFile(path, "max") : Result<>();
}

Result<> PodCgroups::MakePids(const core_v1::Pod& pod) const {
  const std::string& mount = settings_.pids_mount;
  const std::string folder = mount + PathOf(pod);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return Fail(Reason::kInternalError, fmt::format("mkdir {}: {}", folder, error.message()));
  }
  TRY(LimitPids(mount + settings_.root, settings_.node_pids));
  return LimitPids(folder, settings_.pod_pids);
}

std::vector<std::string> PodCgroups::Mounts() const {
  std::vector<std::string> mounts;
  for (const std::string* each : {&settings_.mount, &settings_.pids_mount}) {
    if (!each->empty()) mounts.push_back(*each);
  }
  mounts.insert(mounts.end(), settings_.left_in.begin(), settings_.left_in.end());
  return mounts;
}

Result<bool> PodCgroups::Enforce() {
  if (settings_.mount.empty()) return false;
  MakePath(settings_.mount, settings_.root);
  TRY(Write(settings_.root, settings_.node, false));
  TRY(LimitPids(settings_.mount + settings_.root, settings_.node_pids));
  return true;
}

Result<> PodCgroups::Make(const core_v1::Pod& pod) {
  if (WritesNothing()) return {};
  const Timed timed(*this, "create");
  if (!settings_.pids_mount.empty()) TRY(MakePids(pod));
  if (settings_.mount.empty()) return {};
  // The pod's own has no processes either: the runtime's cgroups below it do.
  MakePath(settings_.mount, PathOf(pod));
  SetAbove();
  TRY(LimitPids(settings_.mount + PathOf(pod), settings_.pod_pids));
  return Set(pod);
}

// Somebody may have made them anew. What cannot be written here is told of at the start, and is no
// reason for a pod not to run.
void PodCgroups::SetAbove() {
  (void)Write(settings_.root, settings_.node, false);
  (void)LimitPids(settings_.mount + settings_.root, settings_.node_pids);
  const std::string best_effort = settings_.mount + settings_.root + "/besteffort";
  std::error_code ignored;
  if (!fs::exists(best_effort, ignored)) return;
  (void)WriteFile(best_effort + "/cpu.weight", std::to_string(CpuWeight(2)));
}

Result<> PodCgroups::Raise(const core_v1::Pod& pod) {
  if (settings_.mount.empty()) return {};
  const Timed timed(*this, "update");
  return Write(PathOf(pod), ResourcesOf(pod.spec), true);
}

Result<> PodCgroups::Set(const core_v1::Pod& pod) {
  if (settings_.mount.empty()) return {};
  const Timed timed(*this, "update");
  TRY(Write(PathOf(pod), ResourcesOf(pod.spec), false));
  Share(pod);
  return {};
}

Result<> PodCgroups::TakeOver(const core_v1::Pod& pod) {
  if (settings_.mount.empty()) return {};
  TRY(Raise(pod));
  Share(pod);
  return {};
}

void PodCgroups::Share(const core_v1::Pod& pod) {
  if (ComputeQosClass(pod.spec) != "Burstable") return;
  {
    MutexLock lock(mutex_);
    burstable_milli_cpu_[pod.metadata.uid] = PodRequests(pod.spec).milli_cpu;
  }
  (void)SetBurstable();  // It has its own all the same; the next pod sets it again.
}

Result<> PodCgroups::SetBurstable() {
  MutexLock writing(shares_mutex_);
  int64_t milli_cpu = 0;
  {
    MutexLock lock(mutex_);
    for (const auto& [uid, own] : burstable_milli_cpu_) milli_cpu = SaturatedSum(milli_cpu, own);
  }
  return WriteFile(settings_.mount + settings_.root + "/burstable/cpu.weight",
                   std::to_string(CpuWeight(CpuShares(milli_cpu))));
}

void PodCgroups::Forget(const std::string& pod_uid) {
  {
    MutexLock lock(mutex_);
    if (burstable_milli_cpu_.erase(pod_uid) == 0) return;
  }
  (void)SetBurstable();  // The next pod sets it again.
}

Result<> PodCgroups::Remove(const core_v1::Pod& pod) {
  if (Mounts().empty()) return {};
  const Timed timed(*this, "destroy");
  Forget(pod.metadata.uid);
  return RemoveAt(PathOf(pod));
}

Result<> PodCgroups::RemoveAt(const std::string& path) {
  const auto mounts = Mounts();
  std::error_code ignored;
  const bool is_there = std::ranges::any_of(
      mounts, [&](const std::string& mount) { return fs::exists(mount + path, ignored); });
  if (!is_there) return {};
  if (settings_.stop_slice) {
    // That would end processes, which are another's: those of pods here have ended.
    if (std::ranges::any_of(mounts, [&](const auto& mount) { return HasProcess(mount + path); })) {
      return {};
    }
    // Of an active slice systemd would not learn that the folder has gone, and nobody of the slice.
    TRY(settings_.stop_slice(fs::path(path).filename().string()));
  }
  for (const std::string& mount : mounts) RemoveFolders(mount + path);
  return {};
}

std::vector<std::string> PodCgroups::Pods() const {
  std::vector<std::string> names;
  for (const char* parent : kParents) {
    const std::string folder = PodsCgroup(settings_.root + parent, driver());
    const NamePattern pattern = PodNames(folder, driver());
    for (const std::string& mount : Mounts()) AddPods(mount + folder, pattern, names);
  }
  // Of v1 a pod has one in every hierarchy.
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string PodCgroups::NameOf(const std::string& pod_uid) const {
  std::string name = pod_uid;
  if (settings_.stop_slice) std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

Result<> PodCgroups::RemoveOrphan(const std::string& name) {
  Forget(name);  // Where it is anything else than the uid, nothing is shared.
  Result<> removed;
  for (const char* parent : kParents) {
    const std::string path = fmt::format("{}{}/{}{}", settings_.root, parent, kPodPrefix, name);
    const auto here = RemoveAt(PodsCgroup(path, driver()));
    if (!here) removed = here;
  }
  return removed;
}

}  // namespace skiff::kubelet
