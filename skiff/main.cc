// The multi-call binary: the first word, or the name it was started under, chooses the program.
#include <cstdio>

int main() {
  std::fprintf(stderr, "skiff: no program given\n");
  return 2;
}
