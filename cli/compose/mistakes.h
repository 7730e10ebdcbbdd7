// What is wrong with a project, gathered so that all of it is told in one go.
//
//   Mistakes wrong;
//   for (const Member& service : services) wrong.Add(CheckScale(service));
//   TRY(wrong.Told());
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.h"

namespace skiff::cli::compose {

// So many are told of, a line each, and of the rest how many they are.
inline constexpr size_t kWrongMax = 20;

class Mistakes {
 public:
  // Of what holds nothing is kept.
  template <typename Value>
  void Add(const Result<Value>& result) {
    if (!result) Add(result.error().message);
  }
  void Add(const tl::unexpected<Error>& failed) { Add(failed.value().message); }
  // Once, however often it is found.
  void Add(const std::string& line);
  bool empty() const { return lines_.empty(); }
  // Fails with all of them, in the order of the files' lines.
  Result<> Told() const;

 private:
  std::vector<std::string> lines_;  // As they were found.
  std::set<std::string> known_;
};

}  // namespace skiff::cli::compose
