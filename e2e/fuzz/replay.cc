// fuzz_replay FOLDER...: gives each file of FOLDER/<target>/ to that target, each on its own.
// Needs no fuzzer, so that every build can show that what once failed does not fail any more.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/thread_stack.h"
#include "e2e/fuzz/targets.h"

namespace {

// How many files were played.
int PlayAll(const std::filesystem::path& root) {
  int played = 0;
  for (const auto& target : skiff::fuzz::Targets()) {
    const auto folder = root / target.name;
    if (!std::filesystem::is_directory(folder)) continue;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      std::ifstream in(file.path(), std::ios::binary);
      const std::string bytes(std::istreambuf_iterator<char>(in), {});
      // Said before, so that whoever sees it end knows at what.
      std::printf("%s\n", file.path().c_str());
      std::fflush(stdout);
      target.run(bytes);
      ++played;
    }
  }
  return played;
}

}  // namespace

int main(int argc, char** argv) {
  skiff::SetThreadStacks();
  int played = 0;
  std::jthread([&] {
    for (int i = 1; i < argc; ++i) played += PlayAll(argv[i]);
  }).join();
  std::printf("%d inputs\n", played);
  return played > 0 ? 0 : 1;
}
