#include "kubelet/kernel_defaults.h"

#include <fmt/format.h>

#include <fstream>

namespace skiff::kubelet {
namespace {

struct Setting {
  const char* name;
  long long value;
};
constexpr Setting kSettings[] = {{"vm/overcommit_memory", 1},
                                 {"vm/panic_on_oom", 0},
                                 {"kernel/panic", 10},
                                 {"kernel/panic_on_oops", 1},
                                 {"kernel/keys/root_maxkeys", 1'000'000},
                                 {"kernel/keys/root_maxbytes", 25'000'000}};

}  // namespace

Result<> CheckKernelDefaults(const std::string& root) {
  for (const Setting& setting : kSettings) {
    std::ifstream file(root + "/" + setting.name);
    long long actual = 0;
    if (!(file >> actual)) {
      return Fail(Reason::kInvalid,
                  fmt::format("invalid kernel flag: {}, it cannot be read", setting.name));
    }
    if (actual == setting.value) continue;
    return Fail(Reason::kInvalid,
                fmt::format("invalid kernel flag: {}, expected value: {}, actual value: {}",
                            setting.name, setting.value, actual));
  }
  return {};
}

bool HasSwap(const std::string& path) {
  std::ifstream file(path);
  std::string heading, swap;
  return std::getline(file, heading) && std::getline(file, swap) && !swap.empty();
}

}  // namespace skiff::kubelet
