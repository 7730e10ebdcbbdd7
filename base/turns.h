// Things that wait, of each owner one in turn: whoever has many there waits for himself. Not
// thread-safe.
//
//   Turns<Job> turns;
//   turns.Add("ann", a1), turns.Add("ann", a2), turns.Add("bob", b1);
//   turns.Next(), turns.Next(), turns.Next();    // a1, b1, a2
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"

namespace skiff {

template <typename T>
class Turns {
 public:
  void Add(const std::string& owner, T thing) {
    std::deque<T>& things = things_[owner];
    if (things.empty()) owners_.push_back(owner);
    things.push_back(std::move(thing));
    ++size_;
  }
  // There is one.
  T Next() {
    CHECK(!empty());
    const auto next = things_.find(owners_.front());
    T thing = std::move(next->second.front());
    next->second.pop_front();
    --size_;
    if (next->second.empty()) {
      things_.erase(next);
    } else {
      owners_.push_back(std::move(owners_.front()));
    }
    owners_.pop_front();
    return thing;
  }
  // Those that `is_gone` says lose their turns.
  template <typename IsGone>
  void Drop(const IsGone& is_gone) {
    for (auto it = things_.begin(); it != things_.end();) {
      size_ -= std::erase_if(it->second, is_gone);
      if (it->second.empty()) {
        std::erase(owners_, it->first);
        it = things_.erase(it);
      } else {
        ++it;
      }
    }
  }
  size_t CountOf(const std::string& owner) const {
    const auto found = things_.find(owner);
    return found == things_.end() ? 0 : found->second.size();
  }
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

 private:
  std::map<std::string, std::deque<T>> things_;  // By owner; none is empty.
  std::deque<std::string> owners_;               // The next one first.
  size_t size_ = 0;
};

}  // namespace skiff
