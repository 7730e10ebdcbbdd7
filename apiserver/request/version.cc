#include "apiserver/request/version.h"

#include "base/version.h"

namespace skiff {

Json VersionDocument() {
  return {{"major", "1"},
          {"minor", "35"},
          {"emulationMajor", "1"},
          {"emulationMinor", "35"},
          {"minCompatibilityMajor", "1"},
          {"minCompatibilityMinor", "34"},
          {"gitVersion", std::string(kKubernetesRelease) + "+skiff-" + kSkiffVersion},
          {"gitCommit", ""},
          {"gitTreeState", "clean"},
          {"buildDate", ""},
          {"goVersion", ""},
          {"compiler", "gc"},
          {"platform", "linux/amd64"}};
}

}  // namespace skiff
