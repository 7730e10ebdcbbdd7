// Under libFuzzer: one program for all targets, so that it is built once. FUZZ_TARGET chooses.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "e2e/fuzz/targets.h"

namespace {

const skiff::fuzz::Target* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("FUZZ_TARGET");
  target = skiff::fuzz::FindTarget(name == nullptr ? "" : name);
  if (target != nullptr) return 0;
  std::fprintf(stderr, "FUZZ_TARGET is to be one of:");
  for (const auto& each : skiff::fuzz::Targets()) {
    std::fprintf(stderr, " %.*s", static_cast<int>(each.name.size()), each.name.data());
  }
  std::fprintf(stderr, "\n");
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
