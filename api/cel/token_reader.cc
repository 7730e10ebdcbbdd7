#include "api/cel/token_reader.h"

#include <algorithm>
#include <utility>

#include "api/cel/token_sets.h"

namespace skiff::cel {
namespace {

// How often parsing goes on after what it did not expect.
constexpr int kRecoveriesMax = 30;

}  // namespace

void TokenReader::Take() {
  recovering_ = false;
  recovered_at_ = std::string::npos;
  if (at_ + 1 < tokens_.size()) ++at_;
}

bool TokenReader::TakeIf(std::string_view symbol) {
  if (Dead() || !At().Is(symbol)) return false;
  Take();
  return true;
}

void TokenReader::Syntax(int position, const std::string& message) {
  if (recovering_ || Dead()) return;
  AddIssue(position, "Syntax error: " + message);
  recovering_ = true;
  if (++recoveries_ > kRecoveriesMax) {
    AddIssue(kNoPosition, "error recovery attempt limit exceeded: " +
                              std::to_string(kRecoveriesMax));
    stopped_ = true;
  }
}

void TokenReader::Recover() {
  if (recovered_at_ == at_ && !At().Is(TokenKind::kEnd)) ++at_;
  recovered_at_ = at_;
  while (!At().Is(TokenKind::kEnd) && !IsBinaryOperator(At()) && !IsOneOf(At(), follows_)) ++at_;
}

void TokenReader::Complain(const std::string& how, const std::string& expecting) {
  Syntax(Position(), how + " input '" + At().text + "' expecting " + expecting);
}

void TokenReader::Expect(const std::string& symbol) {
  if (Dead() || TakeIf(symbol)) return;
  if (tokens_[std::min(at_ + 1, tokens_.size() - 1)].Is(symbol)) {
    Complain("extraneous", "'" + symbol + "'");
    Take();
    Take();
    return;
  }
  // Where the input goes on as it would after the symbol, that alone is missing.
  if (symbol == ":" ? BeginsExpression(At()) : EndsExpression()) {
    Syntax(Position(), "missing '" + symbol + "' at '" + At().text + "'");
    return;
  }
  Complain("mismatched", "'" + symbol + "'");
  Stop();
}

bool TokenReader::EndsExpression() const {
  if (At().Is(TokenKind::kEnd)) return closers_.empty();
  if (!At().Is(TokenKind::kSymbol)) return At().Is(TokenKind::kIn);
  if (IsOneOf(At(), ")]},:")) return IsOneOf(At(), closers_);
  return !IsOneOf(At(), "{(!");
}

void TokenReader::ExpectEnd(const std::string& symbol) {
  if (Dead() || TakeIf(symbol)) return;
  if (recovering_) return Expect(symbol);
  const bool next = tokens_[std::min(at_ + 1, tokens_.size() - 1)].Is(symbol);
  Complain(next ? "extraneous" : "mismatched", "{'" + symbol + "', ','}");
  if (!next) return Stop();
  Take();
  Take();
}

}  // namespace skiff::cel
