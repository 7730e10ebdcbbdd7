// Completion indexes of a Job: which are done, or taken. They are kept as runs: a Job may have
// millions, which end more or less in order. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::job {

class Indexes {
 public:
  // "1,3-5,7". What is no index there is passed over, and so is what is not below `end`.
  static Indexes Parse(std::string_view text, int64_t end = std::numeric_limits<int64_t>::max());
  std::string Text() const;
  bool Contains(int index) const;
  // False: it was there, or is less than nothing.
  bool Insert(int index);
  void InsertAll(const Indexes& others);
  int64_t Count() const;
  // How many are in both.
  int64_t CountShared(const Indexes& others) const;
  // The lowest ones of [0, end) that are not there, at most `count`.
  std::vector<int> Missing(int end, int count) const;
  bool operator==(const Indexes&) const = default;

 private:
  void InsertRun(int64_t first, int64_t last);
  std::map<int64_t, int64_t> runs_;  // Last by first. No two of them touch.
};

}  // namespace skiff::job
