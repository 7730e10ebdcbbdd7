// A disk that is full: of a file that has no name, and so is gone as soon as nobody has it open.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "skiff/chaos/plan.h"

namespace skiff::chaos {

class Filled {
 public:
  // Takes all the room that is there, but no more than `bytes_max`. kConflict: there was more.
  static Result<Filled> Fill(const ProcessId& seen_by, const std::string& directory,
                             int64_t bytes_max);
  Filled(Filled&& other) noexcept;
  ~Filled();

 private:
  explicit Filled(int file) : file_(file) {}
  int file_;
};

}  // namespace skiff::chaos
