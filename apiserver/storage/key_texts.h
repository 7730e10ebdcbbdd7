// Many keys, one behind the other in one piece of memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace skiff {

class KeyTexts {
 public:
  void Add(std::string_view key) {
    text_.append(key);
    ends_.push_back(text_.size());
  }
  size_t size() const { return ends_.size(); }
  // In the order in which they were added; valid until the next one is.
  std::string_view operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(text_).substr(begin, ends_[i] - begin);
  }

 private:
  std::string text_;
  std::vector<size_t> ends_;
};

}  // namespace skiff
