// Where tests find what lies in the tree and in the build folder. No macros: a path among what the
// compiler is told keeps one checkout from using what another one has compiled. A source that
// cmake/component.cmake writes defines them in every test program.
#pragma once

namespace skiff {

extern const char kSourceRoot[];
extern const char kBuildRoot[];

}  // namespace skiff
