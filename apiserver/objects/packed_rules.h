// What a selector asks of each label or field, packed for keeping: a watch holds its selector for
// an hour, a selector may be a megabyte of text, and parsed it takes thirty times that.
//
//   bytes  = {rule}, by key
//   rule   = text key, number size of the body, body
//   body   = flags, [above: 8 bytes], [below: 8 bytes], [list allowed], [list forbidden]
//   list   = number size of the rest, number count, [number: its first mark, where count >
//            kStride], {text}, sorted
//   text   = number size, bytes; a number is seven bits a byte, the lowest first
//
// Every kStride-th rule, and text of a list, is marked by its offset: a look-up is a search among
// marks and a short walk. Immutable once filled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/select/selector.h"

namespace skiff {

class PackedRules {
 public:
  class Rule {
   public:
    // The object must have it.
    bool needed() const;
    bool Takes(std::string_view value) const;

   private:
    friend class PackedRules;
    Rule(const PackedRules& rules, std::string_view body) : rules_(rules), body_(body) {}
    const PackedRules& rules_;
    const std::string_view body_;
  };

  // Not of LabelSelector::Nothing(), which no text says.
  static PackedRules Of(const LabelSelector& selector);
  static PackedRules Of(const FieldSelector& selector);

  std::optional<Rule> Find(std::string_view key) const;
  // Calls `visit(key, rule)` until it returns false, which it then returns.
  template <typename Visit>
  bool All(Visit visit) const {
    for (std::string_view rest = bytes_; !rest.empty();) {
      const Named named = Take(rest);
      if (!visit(named.key, Rule(*this, named.body))) return false;
    }
    return true;
  }
  // Whether they take what has these: `for_each` calls what it is given with the name and the value
  // of each label, as for LabelSelector::MatchesEach.
  template <typename ForEach>
  bool MatchesEach(ForEach for_each) const {
    size_t found = 0;
    bool taken = true;
    for_each([&](std::string_view name, std::string_view value) {
      const auto rule = taken ? Find(name) : std::nullopt;
      if (!rule) return;
      taken = rule->Takes(value);
      found += rule->needed();
    });
    return taken && found == needed_;
  }
  bool empty() const { return bytes_.empty(); }
  // How many rules need something.
  size_t needed() const { return needed_; }
  size_t BytesHeld() const;

 private:
  static constexpr size_t kStride = 16;
  struct Named {
    std::string_view key, body;
  };

  static Named Take(std::string_view& rest);
  // In the order of their keys.
  void Add(const LabelRule& rule);
  void Finish();
  // `marks` gets those of the list, counted from the body's begin.
  void AddList(const std::vector<std::string>& sorted, std::vector<uint32_t>& marks,
               std::string& body) const;
  // Whether the list in front of `rest` has it; moves `rest` behind the list.
  bool Holds(std::string_view& rest, std::string_view value) const;

  std::string bytes_;
  std::vector<uint32_t> marks_;       // Of rules.
  std::vector<uint32_t> list_marks_;  // Of long lists, one behind the other.
  size_t count_ = 0;
  size_t needed_ = 0;
};

}  // namespace skiff
