#include "controllers/workloads/job_indexes.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

namespace skiff::job {
namespace {

std::optional<int> Number(std::string_view text) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < 0) return std::nullopt;
  return number;
}

}  // namespace

Indexes Indexes::Parse(std::string_view text, int64_t end) {
  Indexes indexes;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    const size_t hyphen = item.find('-');
    const auto first = Number(item.substr(0, hyphen));
    const auto last = hyphen == item.npos ? first : Number(item.substr(hyphen + 1));
    if (!first || !last || *first > *last || *first >= end) continue;
    indexes.InsertRun(*first, std::min<int64_t>(*last, end - 1));
  }
  return indexes;
}

std::string Indexes::Text() const {
  std::string text;
  for (const auto& [first, last] : runs_) {
    if (!text.empty()) text += ",";
    text += std::to_string(first);
    if (last > first) text += (last == first + 1 ? "," : "-") + std::to_string(last);
  }
  return text;
}

bool Indexes::Contains(int index) const {
  const auto next = runs_.upper_bound(index);
  return next != runs_.begin() && std::prev(next)->second >= index;
}

bool Indexes::Insert(int index) {
  if (index < 0 || Contains(index)) return false;
  InsertRun(index, index);
  return true;
}

void Indexes::InsertAll(const Indexes& others) {
  for (const auto& [first, last] : others.runs_) InsertRun(first, last);
}

int64_t Indexes::Count() const {
  int64_t count = 0;
  for (const auto& [first, last] : runs_) count += last - first + 1;
  return count;
}

int64_t Indexes::CountShared(const Indexes& others) const {
  int64_t count = 0;
  auto mine = runs_.begin();
  auto theirs = others.runs_.begin();
  while (mine != runs_.end() && theirs != others.runs_.end()) {
    const int64_t first = std::max(mine->first, theirs->first);
    const int64_t last = std::min(mine->second, theirs->second);
    if (first <= last) count += last - first + 1;
    // Whichever ends first cannot meet anything further.
    if (mine->second < theirs->second) {
      ++mine;
    } else {
      ++theirs;
    }
  }
  return count;
}

void Indexes::InsertRun(int64_t first, int64_t last) {
  auto next = runs_.upper_bound(first);
  if (next != runs_.begin()) {
    const auto before = std::prev(next);
    if (before->second + 1 >= first) {
      first = before->first;
      last = std::max(last, before->second);
      next = runs_.erase(before);
    }
  }
  while (next != runs_.end() && next->first <= last + 1) {
    last = std::max(last, next->second);
    next = runs_.erase(next);
  }
  runs_.emplace(first, last);
}

std::vector<int> Indexes::Missing(int end, int count) const {
  std::vector<int> missing;
  int64_t index = 0;
  auto run = runs_.begin();
  while (index < end && static_cast<int>(missing.size()) < count) {
    while (run != runs_.end() && run->second < index) ++run;
    if (run != runs_.end() && run->first <= index) {
      index = run->second + 1;
    } else {
      missing.push_back(static_cast<int>(index++));
    }
  }
  return missing;
}

}  // namespace skiff::job
