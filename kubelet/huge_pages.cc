#include "kubelet/huge_pages.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kResource = "hugepages-";
constexpr int64_t kKibi = 1024;

// "hugepages-2048kB" -> 2 MiB
std::optional<int64_t> PageBytesOf(const std::string& folder) {
  if (!folder.starts_with(kResource)) return std::nullopt;
  int64_t kilobytes = 0;
  const char* end = folder.data() + folder.size();
  const auto read = std::from_chars(folder.data() + kResource.size(), end, kilobytes);
  if (read.ec != std::errc() || std::string_view(read.ptr, end) != "kB") return std::nullopt;
  return kilobytes * kKibi;
}

std::string PageSizeText(int64_t bytes, const char* suffix) {
  constexpr char kUnits[] = "KMGT";
  size_t unit = 0;
  int64_t amount = bytes / kKibi;
  while (amount % kKibi == 0 && amount > 0 && unit + 2 < sizeof kUnits) {
    amount /= kKibi;
    ++unit;
  }
  return fmt::format("{}{}{}", amount, kUnits[unit], suffix);
}

std::optional<int64_t> SizeIn(const std::string& resource) {
  if (!resource.starts_with(kResource)) return std::nullopt;
  const auto size = Quantity::Parse(resource.substr(kResource.size()));
  return size ? std::optional(size->Value()) : std::nullopt;
}

bool IsHugePagesMount(const std::string& path) {
  struct statfs info {};
  return statfs(path.c_str(), &info) == 0 && info.f_type == HUGETLBFS_MAGIC;
}

}  // namespace

std::map<std::string, int64_t> HugePagesOf(const std::string& directory) {
  std::map<std::string, int64_t> pages;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto size = PageBytesOf(entry->path().filename());
    int64_t count = 0;
    std::ifstream file(entry->path() / "nr_hugepages");
    if (size && file >> count) {
      pages[std::string(kResource) + PageSizeText(*size, "i")] = *size * count;
    }
  }
  return pages;
}

std::vector<std::pair<std::string, uint64_t>> HugePageLimits(
    const std::map<std::string, Quantity>& limits, const std::map<std::string, int64_t>& machine) {
  std::vector<std::pair<std::string, uint64_t>> out;
  for (const auto& [resource, bytes] : machine) {
    const auto size = SizeIn(resource);
    if (!size) continue;
    const auto asked = limits.find(resource);
    // Where there are none, nothing has to be kept from anybody.
    if (bytes == 0 && asked == limits.end()) continue;
    out.emplace_back(PageSizeText(*size, "B"), asked == limits.end() ? 0 : asked->second.Value());
  }
  return out;
}

Result<int64_t> HugePageSizeOf(const std::string& medium, const core_v1::Pod& pod) {
  constexpr std::string_view kAny = "HugePages";
  std::set<int64_t> sizes;
  for (const auto* list : {&pod.spec.containers, &pod.spec.init_containers}) {
    for (const auto& container : *list) {
      for (const auto& [resource, amount] : container.resources.requests) {
        if (const auto size = SizeIn(resource)) sizes.insert(*size);
      }
    }
  }
  if (medium == kAny) {
    if (sizes.size() > 1) {
      return Fail(Reason::kInvalid, fmt::format("medium: {} can't be used if container requests "
                                                "multiple huge page sizes",
                                                medium));
    }
    if (!sizes.empty()) return *sizes.begin();
  } else if (medium.starts_with("HugePages-")) {
    const Quantity size = TRY(Quantity::Parse(medium.substr(kAny.size() + 1)));
    if (sizes.contains(size.Value())) return size.Value();
  }
  return Fail(Reason::kInvalid, fmt::format("medium {}: hugePages storage requested, but there is "
                                            "no resource request for huge pages",
                                            medium));
}

Result<> EnsureHugePagesMount(const std::string& directory, int64_t page_bytes) {
  if (IsHugePagesMount(directory)) return {};
  TRY(MakeDirectories(directory, 0777));
  const std::string options = fmt::format("pagesize={},mode=0777", page_bytes);
  if (mount("nodev", directory.c_str(), "hugetlbfs", 0, options.c_str()) == 0) return {};
  return Fail(SystemError("mount hugetlbfs", errno));
}

}  // namespace skiff::kubelet
