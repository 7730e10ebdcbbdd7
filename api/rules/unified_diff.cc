// Differences of two texts, found as Python's difflib finds them: the longest block of equal lines
// first, then the same on both sides of it. Lines that are very common do not begin a block.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <vector>

#include "api/rules/go_struct.h"

namespace skiff {
namespace {

constexpr size_t kContextLines = 3;
constexpr size_t kPopularFromLines = 200;
// Lines looked at, and places where they were found. Texts may be of a hundred thousand lines of
// which every other one differs: beyond that all that is left counts as replaced.
constexpr size_t kDiffStepsMax = size_t{1} << 20;

using Lines = std::vector<std::string_view>;

Lines Split(std::string_view text) {
  Lines lines;
  while (true) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

struct Range {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};

// `equal`: the lines of both are the same; else `a` is replaced by `b`.
struct Step {
  bool equal = false;
  Range a;
  Range b;
};

struct Block {
  size_t a = 0;
  size_t b = 0;
  size_t size = 0;
};

class Matcher {
 public:
  Matcher(const Lines& a, const Lines& b) : a_(a), b_(b) {
    for (size_t j = 0; j < b.size(); ++j) where_[b[j]].push_back(j);
    if (b.size() < kPopularFromLines) return;
    std::erase_if(where_,
                  [&](const auto& entry) { return entry.second.size() > b.size() / 100 + 1; });
  }

  std::vector<Step> Steps() {
    Find({0, a_.size()}, {0, b_.size()});
    std::vector<Step> steps;
    Range a;
    Range b;
    const auto add = [&](const Block& block) {
      if (a.begin < block.a || b.begin < block.b) {
        steps.push_back({false, {a.begin, block.a}, {b.begin, block.b}});
      }
      a.begin = block.a + block.size;
      b.begin = block.b + block.size;
      if (block.size == 0) return;
      if (!steps.empty() && steps.back().equal) {  // Two blocks that touch are one.
        steps.back().a.end = a.begin;
        steps.back().b.end = b.begin;
      } else {
        steps.push_back({true, {block.a, a.begin}, {block.b, b.begin}});
      }
    };
    for (const Block& block : blocks_) add(block);
    add({a_.size(), b_.size(), 0});
    return steps;
  }

 private:
  // Blocks come out in order: those before the longest, the longest, those after it. Kept on an
  // explicit stack, since texts can be long.
  void Find(Range all_a, Range all_b) {
    std::vector<std::pair<Range, Range>> open = {{all_a, all_b}};
    while (!open.empty() && steps_ < kDiffStepsMax) {
      const auto [a, b] = open.back();
      open.pop_back();
      const Block longest = Longest(a, b);
      if (longest.size == 0) continue;
      blocks_.push_back(longest);
      open.push_back({{a.begin, longest.a}, {b.begin, longest.b}});
      open.push_back({{longest.a + longest.size, a.end}, {longest.b + longest.size, b.end}});
    }
    std::ranges::sort(blocks_, {}, &Block::a);
  }

  // Of those that are found in time.
  Block Longest(Range a, Range b) {
    Block best{a.begin, b.begin, 0};
    std::unordered_map<size_t, size_t> lengths;  // Of the run that ends at this line of b.
    for (size_t i = a.begin; i < a.end && steps_ < kDiffStepsMax; ++i) {
      std::unordered_map<size_t, size_t> next;
      const auto found = where_.find(a_[i]);
      steps_ += found == where_.end() ? 1 : found->second.size();
      if (found != where_.end()) {
        for (const size_t j : found->second) {
          if (j < b.begin || j >= b.end) continue;
          const auto before = j > 0 ? lengths.find(j - 1) : lengths.end();
          const size_t length = (before == lengths.end() ? 0 : before->second) + 1;
          next[j] = length;
          if (length > best.size) best = {i + 1 - length, j + 1 - length, length};
        }
      }
      lengths = std::move(next);
    }
    while (best.a > a.begin && best.b > b.begin && a_[best.a - 1] == b_[best.b - 1]) {
      --best.a;
      --best.b;
      ++best.size;
    }
    while (best.a + best.size < a.end && best.b + best.size < b.end &&
           a_[best.a + best.size] == b_[best.b + best.size]) {
      ++best.size;
    }
    return best;
  }

  const Lines& a_;
  const Lines& b_;
  std::map<std::string_view, std::vector<size_t>> where_;
  std::vector<Block> blocks_;
  size_t steps_ = 0;
};

// Changes with their context; those that lie close share a hunk.
std::vector<std::vector<Step>> Hunks(const std::vector<Step>& steps) {
  std::vector<std::vector<Step>> hunks;
  std::vector<Step> hunk;
  const auto flush = [&] {
    const bool changes = std::ranges::any_of(hunk, [](const Step& step) { return !step.equal; });
    if (changes) hunks.push_back(hunk);
    hunk.clear();
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    Step step = steps[i];
    const bool first = i == 0;
    const bool last = i + 1 == steps.size();
    if (step.equal && first && step.a.size() > kContextLines) {
      step.a.begin = step.a.end - kContextLines;
      step.b.begin = step.b.end - kContextLines;
    }
    if (step.equal && last && step.a.size() > kContextLines) {
      step.a.end = step.a.begin + kContextLines;
      step.b.end = step.b.begin + kContextLines;
    }
    if (step.equal && !first && !last && step.a.size() > 2 * kContextLines) {
      Step head = step;
      head.a.end = head.a.begin + kContextLines;
      head.b.end = head.b.begin + kContextLines;
      hunk.push_back(head);
      flush();
      step.a.begin = step.a.end - kContextLines;
      step.b.begin = step.b.end - kContextLines;
    }
    hunk.push_back(step);
  }
  flush();
  return hunks;
}

std::string RangeText(size_t begin, size_t end) {
  const size_t length = end - begin;
  if (length == 1) return std::to_string(begin + 1);
  return fmt::format("{},{}", length == 0 ? begin : begin + 1, length);
}

}  // namespace

std::string UnifiedDiff(std::string_view old_text, std::string_view new_text) {
  const Lines a = Split(old_text);
  const Lines b = Split(new_text);
  std::string text;
  const auto write = [&](char mark, const Lines& lines, Range range) {
    for (size_t i = range.begin; i < range.end; ++i) {
      text += mark;
      text += lines[i];
      text += '\n';
    }
  };
  for (const auto& hunk : Hunks(Matcher(a, b).Steps())) {
    text += fmt::format("@@ -{} +{} @@\n", RangeText(hunk.front().a.begin, hunk.back().a.end),
                        RangeText(hunk.front().b.begin, hunk.back().b.end));
    for (const Step& step : hunk) {
      if (step.equal) {
        write(' ', a, step.a);
      } else {
        write('-', a, step.a);
        write('+', b, step.b);
      }
    }
  }
  return text;
}

}  // namespace skiff
