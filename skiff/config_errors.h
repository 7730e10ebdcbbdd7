// What is wrong with a configuration file that can be read: all of it, as Kubernetes says it.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace skiff {

class ConfigErrors {
 public:
  // One that is there already is not said again.
  void Add(std::string text) {
    if (std::ranges::find(texts_, text) == texts_.end()) texts_.push_back(std::move(text));
  }
  void Invalid(std::string_view field, std::string_view value, std::string_view why) {
    Add(fmt::format("{}: Invalid value: {}: {}", field, value, why));
  }
  // What is found out only once the file is known to be right, and ends the start: the first of it.
  void AddAtStart(std::string text) {
    if (at_start_.empty()) at_start_ = std::move(text);
  }
  // As an Aggregate of Kubernetes is said.
  Result<> Outcome() const {
    if (texts_.empty() && !at_start_.empty()) return Fail(Reason::kInvalid, at_start_);
    if (texts_.empty()) return {};
    if (texts_.size() == 1) return Fail(Reason::kInvalid, texts_[0]);
    return Fail(Reason::kInvalid, fmt::format("[{}]", fmt::join(texts_, ", ")));
  }

 private:
  std::vector<std::string> texts_;
  std::string at_start_;
};

}  // namespace skiff
