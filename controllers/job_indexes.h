// Completion indexes of a Job: which are done, or taken. They are kept as runs: a Job may have
// millions, which end more or less in order. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::job {

class Indexes {
 public:
  // "1,3-5,7". What is no index there is passed over.
  static Indexes Parse(std::string_view text);
  std::string Text() const;
  bool Contains(int index) const;
  // False: it was there, or is less than nothing.
  bool Insert(int index);
  // The lowest ones of [0, end) that are not there, at most `count`.
  std::vector<int> Missing(int end, int count) const;
  bool operator==(const Indexes&) const = default;

 private:
  void InsertRun(int64_t first, int64_t last);
  std::map<int64_t, int64_t> runs_;  // Last by first. No two of them touch.
};

}  // namespace skiff::job
