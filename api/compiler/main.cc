// schema_compiler OUT_DIRECTORY SCHEMA...: see schema.h.
#include <cstdio>
#include <filesystem>

#include "api/compiler/schema.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: schema_compiler OUT_DIRECTORY SCHEMA...\n");
    return 2;
  }
  std::filesystem::create_directories(argv[1]);
  skiff::compiler::WriteCode(skiff::compiler::ReadSchema({argv + 2, argv + argc}), argv[1]);
  return 0;
}
