// A checked tree as the evaluator reads it. By the time that a program runs again, other work has
// mostly pushed it out of the processor's caches, and an evaluation waits for each line of them
// that it looks at: so there is no more here than it needs, side by side and in the order it is
// read. A node is one line; which are below it, what is known beforehand, names and choices lie in
// lines that nodes share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/cel/ast.h"
#include "api/cel/function.h"

namespace skiff::cel {

inline constexpr size_t kArgumentsMax = 5;

// One of the overloads of a call, as far as it has to be looked at to be chosen and run.
struct Choice {
  // The kinds of value that an argument may be of, a bit for each Kind: as it is, or where Accepts
  // says so.
  struct Taken {
    uint16_t outright = 0;
    uint16_t looked_into = 0;
  };
  explicit Choice(const Overload& overload);
  bool Takes(std::span<const Value> args) const;

  Implementation run;
  const Overload* overload;
  std::array<Taken, kArgumentsMax> taken = {};
  CostRule cost;
};

// A comprehension that asks one thing of item after item until it is decided: all() and exists().
enum class Quantifier : uint8_t { kNone, kAll, kExists };

inline constexpr size_t kCacheLineBytes = 64;

struct alignas(kCacheLineBytes) Node {
  ExprKind kind = ExprKind::kLiteral;
  Operator op = Operator::kNone;
  bool test_only : 1 = false;      // has(a.b)
  bool two_variables : 1 = false;  // Of a comprehension,
  bool unconditional : 1 = false;  // which looks at all there is.
  // How cel-go counts: a row of selections costs one for what it begins with, be that a name or
  // something that is made, and one for each of them. The first is not asked of a row that stands
  // in another one, as a key or as a branch: of the second and the third child.
  bool begins_row : 1 = false;
  bool second_in_row : 1 = false;
  bool third_in_row : 1 = false;
  // Which overload it is was not known before, where that is what a call costs by.
  bool costs_one : 1 = false;
  bool costs_nothing : 1 = false;  // Whether an item is in a list of constants.
  Quantifier quantifier = Quantifier::kNone;
  uint16_t choice_count = 0;
  // As Expr::slot.
  int slot = -1;
  uint32_t child_count = 0;
  // The target, if there is one, and the arguments; of kAppend the list and the item.
  const Node* const* children = nullptr;
  const Choice* first_choice = nullptr;  // Calls of the same overloads share them.
  std::string_view name = {};            // Of a selection's field.
  const Value* known = nullptr;          // What it comes to, where that is known beforehand.
  const Expr* written = nullptr;         // What is rarely needed.

  // Its value is that of a binding or a local: `slot`.
  bool IsName() const { return kind == ExprKind::kIdent && known == nullptr; }
  const Node& child(size_t index) const { return *children[index]; }
  std::span<const Choice> choices() const { return {first_choice, choice_count}; }
  // Of a comprehension.
  const Node& range() const { return child(0); }
  const Node& initial() const { return child(1); }
  const Node& condition() const { return child(2); }
  const Node& step() const { return child(3); }
  const Node& result() const { return child(4); }
  // Of a quantifier: what it asks.
  const Node& predicate() const { return step().child(1); }
};
static_assert(sizeof(Node) == kCacheLineBytes);

class Plan {
 public:
  // Of what `root` consists of. The tree and what it points to outlive the plan. `locals`:
  // Ast::locals.
  Plan(const Expr& root, int locals);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const Node& root() const { return nodes_.front(); }
  size_t size() const { return nodes_.size(); }
  size_t choices() const { return choices_.size(); }
  int locals() const { return locals_; }
  // All that an evaluation reads of it, where it lies.
  std::vector<std::span<const std::byte>> Memory() const;

 private:
  static void FillCosts(Node& node, const Expr& expr);
  void Fill(Node& node, const Expr& expr);

  const int locals_;
  // None of them grows once it is pointed into.
  std::vector<Node> nodes_;
  std::vector<const Node*> children_;
  std::vector<Choice> choices_;
  std::vector<Value> known_;
  std::string names_;
};

}  // namespace skiff::cel
