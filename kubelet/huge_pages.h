// Memory in pages of megabytes, which the machine keeps apart and pods ask for by their size.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"

namespace skiff::kubelet {

// What lies in the pages that the machine has, in bytes, by resource: {"hugepages-2Mi", 4 << 20}.
// `directory` is the kernel's, with a folder for each size: "hugepages-2048kB/nr_hugepages".
std::map<std::string, int64_t> HugePagesOf(const std::string& directory);

// What a container may have of each size that the machine has pages of, as cgroups name sizes
// ("2MB"): nothing, unless it asks. Pure.
std::vector<std::pair<std::string, uint64_t>> HugePageLimits(
    const std::map<std::string, Quantity>& limits, const std::map<std::string, int64_t>& machine);

// The size of the pages of a volume of that medium: "HugePages-2Mi", or "HugePages", whose pod asks
// for one size alone. Fails with the kubelet's text. Pure.
Result<int64_t> HugePageSizeOf(const std::string& medium, const core_v1::Pod& pod);

// Makes the directory a mount of such pages, unless it is one.
Result<> EnsureHugePagesMount(const std::string& directory, int64_t page_bytes);

}  // namespace skiff::kubelet
