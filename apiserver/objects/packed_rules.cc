#include "apiserver/objects/packed_rules.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/error.h"

namespace skiff {
namespace {

enum Flag : uint8_t {
  kNeeded = 1,
  kRefused = 2,
  kAbove = 4,
  kBelow = 8,
  kAllowed = 16,
  kForbidden = 32,
};

void PutNumber(uint64_t number, std::string& out) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(0x80 | (number & 0x7f));
  out += static_cast<char>(number);
}

uint64_t TakeNumber(std::string_view& rest) {
  uint64_t number = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    number |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return number;
  }
}

void PutText(std::string_view text, std::string& out) {
  PutNumber(text.size(), out);
  out += text;
}

std::string_view TakeText(std::string_view& rest) {
  const size_t size = TakeNumber(rest);
  const std::string_view text = rest.substr(0, size);
  rest.remove_prefix(size);
  return text;
}

void PutBound(int64_t bound, std::string& out) {
  char bytes[sizeof bound];
  std::memcpy(bytes, &bound, sizeof bound);
  out.append(bytes, sizeof bytes);
}

int64_t TakeBound(std::string_view& rest) {
  int64_t bound = 0;
  std::memcpy(&bound, rest.data(), sizeof bound);
  rest.remove_prefix(sizeof bound);
  return bound;
}

// The last mark whose text is not behind `wanted`; the first one where there is none.
std::string_view StartOf(std::string_view bytes, const uint32_t* begin, const uint32_t* end,
                         std::string_view wanted) {
  const auto* after = std::upper_bound(begin, end, wanted, [&](std::string_view text, uint32_t at) {
    std::string_view rest = bytes.substr(at);
    return text < TakeText(rest);
  });
  return bytes.substr(after == begin ? *begin : after[-1]);
}

}  // namespace

bool PackedRules::Rule::needed() const {
  return (static_cast<uint8_t>(body_.front()) & kNeeded) != 0;
}

bool PackedRules::Rule::Takes(std::string_view value) const {
  const auto flags = static_cast<uint8_t>(body_.front());
  std::string_view rest = body_.substr(1);
  if ((flags & kRefused) != 0) return false;
  LabelRule bounds;
  if ((flags & kAbove) != 0) bounds.above = TakeBound(rest);
  if ((flags & kBelow) != 0) bounds.below = TakeBound(rest);
  if (!bounds.Takes(value)) return false;
  if ((flags & kAllowed) != 0 && !rules_.Holds(rest, value)) return false;
  return (flags & kForbidden) == 0 || !rules_.Holds(rest, value);
}

PackedRules PackedRules::Of(const LabelSelector& selector) {
  PackedRules out;
  const auto& requirements = selector.requirements();  // By key.
  // LabelSelector::Nothing() has no rules either; packed it would select everything.
  CHECK(selector.empty() || !requirements.empty());
  for (size_t i = 0; i < requirements.size();) {
    LabelRule rule{.key = requirements[i].key};
    for (; i < requirements.size() && requirements[i].key == rule.key; ++i) {
      rule.Add(requirements[i]);
    }
    out.Add(rule);
  }
  out.Finish();
  return out;
}

PackedRules PackedRules::Of(const FieldSelector& selector) {
  std::map<std::string_view, LabelRule> rules;
  for (const FieldTerm& term : selector.terms()) {
    LabelRule& rule = rules[term.field];
    rule.key = term.field;
    const auto op = term.equal ? LabelOperator::kEquals : LabelOperator::kNotEquals;
    rule.Add({term.field, op, {term.value}});
  }
  PackedRules out;
  for (const auto& [field, rule] : rules) out.Add(rule);
  out.Finish();
  return out;
}

void PackedRules::Add(const LabelRule& rule) {
  if (count_++ % kStride == 0) marks_.push_back(static_cast<uint32_t>(bytes_.size()));
  needed_ += rule.needed;
  std::vector<std::string> forbidden = rule.forbidden;
  std::sort(forbidden.begin(), forbidden.end());
  forbidden.erase(std::unique(forbidden.begin(), forbidden.end()), forbidden.end());
  PutText(rule.key, bytes_);
  const int flags = (rule.needed ? kNeeded : 0) | (rule.refused ? kRefused : 0) |
                    (rule.above ? kAbove : 0) | (rule.below ? kBelow : 0) |
                    (rule.allowed ? kAllowed : 0) | (forbidden.empty() ? 0 : kForbidden);
  std::string body(1, static_cast<char>(flags));
  if (rule.above) PutBound(*rule.above, body);
  if (rule.below) PutBound(*rule.below, body);
  std::vector<uint32_t> marks;
  if (rule.allowed) AddList(*rule.allowed, marks, body);
  if (!forbidden.empty()) AddList(forbidden, marks, body);
  PutNumber(body.size(), bytes_);
  // Until now the marks counted from the body's begin.
  for (const uint32_t mark : marks) {
    list_marks_.push_back(mark + static_cast<uint32_t>(bytes_.size()));
  }
  bytes_ += body;
}

void PackedRules::AddList(const std::vector<std::string>& sorted, std::vector<uint32_t>& marks,
                          std::string& body) const {
  std::string list;
  PutNumber(sorted.size(), list);
  const bool is_long = sorted.size() > kStride;
  if (is_long) PutNumber(list_marks_.size() + marks.size(), list);
  const size_t first = marks.size();
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (is_long && i % kStride == 0) marks.push_back(static_cast<uint32_t>(list.size()));
    PutText(sorted[i], list);
  }
  PutNumber(list.size(), body);
  for (size_t i = first; i < marks.size(); ++i) marks[i] += static_cast<uint32_t>(body.size());
  body += list;
}

void PackedRules::Finish() {
  bytes_.shrink_to_fit();
  marks_.shrink_to_fit();
  list_marks_.shrink_to_fit();
}

PackedRules::Named PackedRules::Take(std::string_view& rest) {
  const std::string_view key = TakeText(rest);
  return {key, TakeText(rest)};
}

std::optional<PackedRules::Rule> PackedRules::Find(std::string_view key) const {
  if (marks_.empty()) return std::nullopt;
  std::string_view rest = StartOf(bytes_, marks_.data(), marks_.data() + marks_.size(), key);
  for (size_t i = 0; i < kStride && !rest.empty(); ++i) {
    const Named named = Take(rest);
    if (named.key == key) return Rule(*this, named.body);
    if (named.key > key) break;
  }
  return std::nullopt;
}

bool PackedRules::Holds(std::string_view& rest, std::string_view value) const {
  std::string_view list = TakeText(rest);
  const size_t count = TakeNumber(list);
  size_t left = count;
  if (count > kStride) {
    const uint32_t* first = list_marks_.data() + TakeNumber(list);
    list = StartOf(bytes_, first, first + (count + kStride - 1) / kStride, value);
    left = kStride;
  }
  // Behind the end of a list comes something else, which is no text of it.
  const char* const end = rest.data();
  for (; left > 0 && list.data() < end; --left) {
    const std::string_view text = TakeText(list);
    if (text >= value) return text == value;
  }
  return false;
}

size_t PackedRules::BytesHeld() const {
  return bytes_.capacity() + (marks_.capacity() + list_marks_.capacity()) * sizeof(uint32_t);
}

}  // namespace skiff
