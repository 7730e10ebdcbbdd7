// Who changes kubeconfig files keeps others who would from it meanwhile, as kubectl does: by a file
// PATH.lock, which is there as long as the change lasts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace skiff {

class KubeconfigLock {
 public:
  // Of all these files, whose folders are made where they are missing. Waits for nobody: fails with
  // "open PATH.lock: file exists" where another change goes on, or was killed before it could end.
  static Result<std::unique_ptr<KubeconfigLock>> Take(std::vector<std::string> paths);
  ~KubeconfigLock();
  KubeconfigLock(const KubeconfigLock&) = delete;
  KubeconfigLock& operator=(const KubeconfigLock&) = delete;

 private:
  KubeconfigLock() = default;
  std::vector<std::string> held_;  // The files of the lock that are ours.
};

}  // namespace skiff
