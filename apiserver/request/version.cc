#include "apiserver/request/version.h"

#include "base/build_info.h"

namespace skiff {

Json VersionDocument() {
  const BuildInfo build = ThisBuild();
  return {{"major", build.major},
          {"minor", build.minor},
          {"emulationMajor", "1"},
          {"emulationMinor", "35"},
          {"minCompatibilityMajor", "1"},
          {"minCompatibilityMinor", "34"},
          {"gitVersion", build.git_version},
          {"gitCommit", build.git_commit},
          {"gitTreeState", build.git_tree_state},
          {"buildDate", build.build_date},
          {"goVersion", build.go_version},
          {"compiler", build.compiler},
          {"platform", build.platform}};
}

}  // namespace skiff
