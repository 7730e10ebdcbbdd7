// What all namespaces together may have of something, and how much of it one of them: half, so that
// nobody who writes in one alone keeps all the others from theirs.
#pragma once

#include <algorithm>
#include <map>
#include <string>

namespace skiff::ingress {

class Shares {
 public:
  explicit Shares(size_t max) : max_(max) {}

  size_t max() const { return max_; }
  size_t max_of_one() const { return max_ / 2; }
  bool is_all_taken() const { return taken_ >= max_; }
  // What is left for that namespace.
  size_t LeftFor(const std::string& ns) const {
    const auto own = of_.find(ns);
    const size_t has = own == of_.end() ? 0 : own->second;
    return std::min(max_ - taken_, max_of_one() - has);
  }
  // Not more than that.
  void Take(const std::string& ns, size_t count) {
    taken_ += count;
    of_[ns] += count;
  }

 private:
  const size_t max_;
  size_t taken_ = 0;
  std::map<std::string, size_t> of_;
};

}  // namespace skiff::ingress
