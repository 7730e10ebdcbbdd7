// The tokens of an expression one by one, and what is said of one that stands where it may not. As
// ANTLR's does, the reader then goes on where it can, so that more than the first fault is told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/cel/ast.h"
#include "api/cel/lexer.h"
#include "api/cel/limits.h"
#include "api/cel/parser.h"

namespace skiff::cel {

// What a parser of rules builds on.
class TokenReader {
 protected:
  // Faults become issues of `ast`, which outlives it.
  explicit TokenReader(Ast& ast) : ast_(ast), tokens_(Tokenize(ast.source, ast.issues)) {}
  ~TokenReader() = default;

  const Token& At() const { return tokens_[at_]; }
  int Position() const { return static_cast<int>(At().begin); }
  // Whether there is nothing more to be read.
  bool Dead() const { return stopped_ || too_deep_; }
  // Whether the rules of the grammar may not be entered any deeper.
  bool TooDeep(int depth) {
    too_deep_ |= depth > kRecursionMax;
    return too_deep_;
  }

  void Take();
  bool TakeIf(std::string_view symbol);
  // The token `symbol`, which must stand here: one that is too many before it is passed over.
  void Expect(const std::string& symbol);
  // The end of a list or a map, after an optional comma.
  void ExpectEnd(const std::string& symbol);

  void AddIssue(int position, std::string message) {
    ast_.issues.push_back({position, std::move(message)});
  }
  // Silent until something was taken since the last one.
  void Syntax(int position, const std::string& message);
  void Complain(const std::string& how, const std::string& expecting);
  // After a complaint about what stands here: on to a token that may follow one of the expressions
  // under way. That may be this very one; where nothing comes of it, it is passed over the next
  // time.
  void Recover();
  // Nothing more is said about text that fits no rule.
  void Stop() { stopped_ = true; }

  Ast& ast_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  bool recovering_ = false;  // Nothing was taken since the last complaint.
  bool stopped_ = false;
  bool too_deep_ = false;
  // What may follow the innermost expression under way, beside operators; "": the end.
  std::string_view closers_;
  // What may follow any of the expressions under way, beside operators; of the innermost one last.
  std::string follows_;

 private:
  // Whether what stands here may follow an expression that is whole.
  bool EndsExpression() const;

  int recoveries_ = 0;
  size_t recovered_at_ = std::string::npos;  // Where `Recover` began, until something is taken.
};

}  // namespace skiff::cel
