#include "api/cel/parser.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "api/cel/lexer.h"
#include "api/cel/number_literals.h"
#include "api/cel/token_reader.h"
#include "api/cel/token_sets.h"
#include "api/cel/words.h"

namespace skiff::cel {
namespace {

constexpr size_t kSyntaxErrorsMax = 100;
// What goes on with a call, a list or the like once it is closed.
constexpr std::string_view kAfterPrimary = ".[";

// Counts one more of a kind of nesting while it is alive.
class Level {
 public:
  explicit Level(int& depth) : depth_(depth) { ++depth_; }
  ~Level() { --depth_; }
  Level(const Level&) = delete;

 private:
  int& depth_;
};

class Parser final : TokenReader {
 public:
  Parser(Ast& ast, const MacroSet& macros) : TokenReader(ast), macros_(macros) {}

  void Run() {
    Expr* root = ParseExpr("");
    if (!stopped_ && !At().Is(TokenKind::kEnd)) {
      const bool one_too_many = tokens_[at_ + 1].Is(TokenKind::kEnd);
      Complain(one_too_many ? "extraneous" : "mismatched", "<EOF>");
    }
    if (too_deep_) {
      AddIssue(kNoPosition,
               "expression recursion limit exceeded: " + std::to_string(kRecursionMax));
    } else if (root->depth > kRecursionMax) {
      AddIssue(kNoPosition, "max recursion depth exceeded");
    }
    if (ast_.issues.size() > kSyntaxErrorsMax) ast_.issues.resize(kSyntaxErrorsMax);
    ast_.root = root;
  }

 private:
  // `expr` is as deep as the deepest of its parts, and `own` more.
  static Expr* Measured(Expr* expr, int own) {
    int depth = expr->target == nullptr ? 0 : expr->target->depth;
    for (const Expr* arg : expr->args) depth = std::max(depth, arg->depth);
    expr->depth = depth + own;
    return expr;
  }

  Expr* Missing() { return ast_.New(ExprKind::kLiteral, Position()); }

  // Nothing here begins an expression.
  Expr* NoExpression(std::string_view extra) {
    if (Dead()) return Missing();
    const Token& next = tokens_[std::min(at_ + 1, tokens_.size() - 1)];
    const bool skippable = At().kind != TokenKind::kEnd && !At().Is(TokenKind::kEscapedIdent) &&
                           (BeginsExpression(next) || IsOneOf(next, extra));
    if (skippable) {
      Complain("extraneous", ExpressionSet(extra));
      Take();
      recovering_ = true;
      if (IsOneOf(At(), extra)) return Missing();
      return ParsePrimary(extra);
    }
    Complain("mismatched", ExpressionSet(extra));
    // On to what can follow an expression.
    if (At().Is(TokenKind::kEscapedIdent)) {
      ++at_;
      recovering_ = true;
    }
    return Missing();
  }

  // An operator: one level of its own.
  Expr* Call(std::string name, int position, std::vector<Expr*> args, int own_depth = 1) {
    Expr* call = ast_.New(ExprKind::kCall, position);
    call->name = std::move(name);
    call->args = std::move(args);
    return Measured(call, own_depth);
  }

  Expr* ParseExpr(std::string_view extra) {
    const Level level(expr_depth_);
    if (Dead() || TooDeep(expr_depth_)) return Missing();
    follows_ += '?';
    Expr* condition = ParseOr(extra);
    follows_.pop_back();
    if (Dead() || !At().Is("?")) return condition;
    const int position = Position();
    Take();
    Expr* yes = ParseChoice();
    Expect(":");
    if (Dead()) return yes;
    Expr* no = ParseExpr("");
    return Call("_?_:_", position, {condition, yes, no});
  }

  // What stands between "?" and ":".
  Expr* ParseChoice() {
    const std::string_view outer = std::exchange(closers_, ":");
    follows_ += ':';
    Expr* choice = ParseOr("");
    follows_.pop_back();
    closers_ = outer;
    return choice;
  }

  // An expression that any of `closers` may follow; `after` may stand behind what it is in, too.
  Expr* ParseWithin(std::string_view closers, std::string_view extra, std::string_view after) {
    const std::string_view outer = std::exchange(closers_, closers);
    const size_t outer_follows = follows_.size();
    follows_.append(closers).append(after);
    Expr* expr = ParseExpr(extra);
    follows_.resize(outer_follows);
    closers_ = outer;
    return expr;
  }

  Expr* ParseOr(std::string_view extra) {
    return ParseChain("||", "_||_", extra, [this](std::string_view e) { return ParseAnd(e); });
  }

  Expr* ParseAnd(std::string_view extra) {
    return ParseChain("&&", "_&&_", extra,
                      [this](std::string_view e) { return ParseRelation(e); });
  }

  template <typename Operand>
  Expr* ParseChain(std::string_view symbol, const char* name, std::string_view extra,
                   const Operand& operand) {
    Expr* first = operand(extra);
    if (Dead() || !At().Is(symbol)) return first;
    Expr* chain = Call(name, Position(), {first});
    while (TakeIf(symbol)) chain->args.push_back(operand(""));
    return Measured(chain, 0);
  }

  Expr* ParseRelation(std::string_view extra) {
    static const std::set<std::string, std::less<>> operators = {"<",  "<=", ">", ">=",
                                                                 "==", "!=", "in"};
    const Level level(relation_depth_);
    if (TooDeep(relation_depth_)) return Missing();
    Expr* left = ParseSum(extra);
    while (!Dead() && operators.contains(At().text) &&
           (At().Is(TokenKind::kSymbol) || At().Is(TokenKind::kIn))) {
      const std::string name = At().Is(TokenKind::kIn) ? "@in" : "_" + At().text + "_";
      left = Binary(name, relation_depth_, left, [this] { return ParseSum(""); });
    }
    return left;
  }

  Expr* ParseSum(std::string_view extra) {
    const Level level(calc_depth_);
    if (TooDeep(calc_depth_)) return Missing();
    Expr* left = ParseProduct(extra);
    while (!Dead() && (At().Is("+") || At().Is("-"))) {
      const std::string name = "_" + At().text + "_";
      left = Binary(name, calc_depth_, left, [this] { return ParseProduct(""); });
    }
    return left;
  }

  Expr* ParseProduct(std::string_view extra) {
    Expr* left = ParseUnary(extra);
    while (!Dead() && (At().Is("*") || At().Is("/") || At().Is("%"))) {
      const std::string name = "_" + At().text + "_";
      left = Binary(name, calc_depth_, left, [this] { return ParseUnary(""); });
    }
    return left;
  }

  // What stands right of an operator is one level deeper in the grammar.
  template <typename Operand>
  Expr* Binary(const std::string& name, int& depth, Expr* left, const Operand& operand) {
    const Level level(depth);
    if (TooDeep(depth)) return left;
    const int position = Position();
    Take();
    Expr* right = operand();
    return Call(name, position, {left, right});
  }

  Expr* ParseUnary(std::string_view extra) {
    if (Dead() || (!At().Is("!") && !At().Is("-"))) return ParseMember(extra);
    const std::string sign = At().text;
    // A minus in front of a number belongs to the number.
    const TokenKind next = tokens_[at_ + 1].kind;
    if (sign == "-" && (next == TokenKind::kInt || next == TokenKind::kDouble)) {
      return ParseMember(extra);
    }
    const int position = Position();
    size_t count = 0;
    while (At().Is(sign)) {
      Take();
      ++count;
      const TokenKind after = tokens_[std::min(at_ + 1, tokens_.size() - 1)].kind;
      if (sign == "-" && At().Is("-") &&
          (after == TokenKind::kInt || after == TokenKind::kDouble)) {
        break;
      }
    }
    if (At().Is(TokenKind::kEnd)) return UnaryOfNothing(sign);
    Expr* operand = ParseMember("");
    if (count % 2 == 0) return operand;
    return Call(sign + "_", position, {operand}, 0);
  }

  Expr* UnaryOfNothing(const std::string& sign) {
    if (sign == "-") Syntax(Position(), "no viable alternative at input '-'");
    recovering_ = false;
    Complain(sign == "!" ? "extraneous" : "mismatched", ExpressionSet(""));
    return Missing();
  }

  Expr* ParseMember(std::string_view extra) {
    Expr* member = ParsePrimary(extra);
    while (!Dead() && (At().Is(".") || At().Is("["))) {
      Expr* longer = At().Is(".") ? ParseSelection(member) : ParseIndex(member);
      if (longer == nullptr) break;
      member = longer;
    }
    return member;
  }

  Expr* ParseIndex(Expr* target) {
    const int position = Position();
    Take();
    const bool optional = macros_.optionals && TakeIf("?");
    Expr* index = ParseWithin("]", optional ? "" : "?", "");
    Expect("]");
    return Call(optional ? "_[?_]" : "_[_]", position, {target, index});
  }

  // What the dot here selects. Nothing: no name follows it, and reading goes on where it can.
  Expr* ParseSelection(Expr* target) {
    const int position = Position();
    const Token& next = tokens_[at_ + 1];
    const bool optional = macros_.optionals && next.Is("?");
    if (!optional && !next.Is(TokenKind::kIdent) && !next.Is(TokenKind::kEscapedIdent)) {
      NoName();
      Recover();
      return nullptr;
    }
    Take();
    if (optional) Take();
    if (At().Is(TokenKind::kEscapedIdent)) {
      AddIssue(Position(), "unsupported syntax: '`'");
      Take();
      return target;
    }
    if (!At().Is(TokenKind::kIdent)) {
      Complain("mismatched", "{IDENTIFIER, ESC_IDENTIFIER}");
      AddIssue(Position(), "unsupported ident kind");
      Stop();
      return target;
    }
    const std::string name = At().text;
    Take();
    if (optional) {
      Expr* field = ast_.New(ExprKind::kLiteral, position);
      field->literal = Value::String(name);
      return Call("_?._", position, {target, field});
    }
    if (!At().Is("(")) {
      Expr* select = ast_.New(ExprKind::kSelect, position);
      select->name = name;
      select->target = target;
      return Measured(select, 1);
    }
    Expr* call = Call(name, Position(), {});
    call->target = target;
    call->args = ParseArguments("");
    return Expanded(Measured(call, 1));
  }

  // Says that no name follows the dot here.
  void NoName() {
    const Token& wrong = tokens_[at_ + 1];
    const size_t end = wrong.Is(TokenKind::kEnd) ? At().end : wrong.end;
    const std::string text = ast_.source.Slice(At().begin, end);
    const bool reserved = text == ".true" || text == ".false" || text == ".null";
    Syntax(static_cast<int>(wrong.begin),
           reserved ? "mismatched input '" + wrong.text + "' expecting IDENTIFIER"
                    : "no viable alternative at input '" + text + "'");
  }

  std::vector<Expr*> ParseArguments(std::string_view after) {
    std::vector<Expr*> args;
    Take();
    if (TakeIf(")")) return args;
    args.push_back(ParseWithin("),", ")", after));
    while (TakeIf(",")) args.push_back(ParseWithin("),", "", after));
    Expect(")");
    return args;
  }

  Expr* Expanded(Expr* call) {
    if (Dead()) return call;
    Expr* expansion = ExpandMacro(ast_, macros_, call);
    if (expansion == nullptr) return call;
    expansion->depth = call->depth;
    return expansion;
  }

  Expr* ParsePrimary(std::string_view extra) {
    if (Dead()) return Missing();
    const Token& token = At();
    if (token.Is("(")) {
      Take();
      Expr* inner = ParseWithin(")", "", kAfterPrimary);
      Expect(")");
      return inner;
    }
    if (token.Is("[")) return ParseList();
    if (token.Is("{")) return ParseMap();
    if (token.Is(".") || token.Is(TokenKind::kIdent)) return ParseName();
    if (token.Is("-") || BeginsExpression(token)) return ParseLiteral(extra);
    return NoExpression(extra);
  }

  Expr* ParseName() {
    const size_t begin = at_;
    std::string name;
    if (At().Is(".")) {
      if (!tokens_[at_ + 1].Is(TokenKind::kIdent)) {
        // The dot may follow what is missing here, so that it stays.
        NoName();
        return Missing();
      }
      name = ".";
      Take();
    }
    const size_t first = at_;
    if (const size_t brace = StructBrace(); brace != 0) return ParseStruct(name, brace);
    name += At().text;
    Take();
    if (IsReservedWord(tokens_[first].text)) {
      AddIssue(static_cast<int>(tokens_[begin].begin),
               "reserved identifier: " + tokens_[first].text);
    }
    if (!At().Is("(")) {
      Expr* ident = ast_.New(ExprKind::kIdent, static_cast<int>(tokens_[first].begin));
      ident->name = name;
      return ident;
    }
    Expr* call = Call(name, Position(), {});
    call->args = ParseArguments(kAfterPrimary);
    return Expanded(Measured(call, 0));
  }

  // Where the names from here on, joined by dots, lead to a brace: its index. 0: they do not.
  size_t StructBrace() const {
    size_t i = at_;
    while (tokens_[i].Is(TokenKind::kIdent) && tokens_[i + 1].Is(".")) i += 2;
    if (!tokens_[i].Is(TokenKind::kIdent) || !tokens_[i + 1].Is("{")) return 0;
    return i + 1;
  }

  Expr* ParseStruct(std::string name, size_t brace) {
    for (; at_ < brace; Take()) name += At().text;
    Expr* out = ast_.New(ExprKind::kStruct, Position());
    out->name = std::move(name);
    Take();
    while (!Dead() && !At().Is("}")) {
      const bool optional = macros_.optionals && TakeIf("?");
      if (At().Is(TokenKind::kEscapedIdent)) {
        AddIssue(Position(), "unsupported syntax: '`'");
      } else if (!At().Is(TokenKind::kIdent)) {
        Complain("mismatched", "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}");
        Stop();
        return out;
      }
      out->fields.push_back(At().text);
      Take();
      out->colons.push_back(Position());
      Expect(":");
      AddItem(*out, ParseWithin("},", "", kAfterPrimary), optional);
      if (!TakeIf(",")) break;
    }
    ExpectEnd("}");
    return Measured(out, 0);
  }

  static void AddItem(Expr& out, Expr* item, bool optional) {
    if (optional && out.optional.empty()) out.optional.resize(out.args.size(), false);
    out.args.push_back(item);
    if (optional || !out.optional.empty()) out.optional.push_back(optional);
  }

  // Whether another item follows; else the collection is over, and its end is taken.
  bool GoesOn(const std::string& end) {
    if (Dead()) return false;
    if (!At().Is(",")) {
      ExpectEnd(end);
      return false;
    }
    Take();
    if (BeginsExpression(At()) || At().Is("?")) return true;
    Expect(end);
    return false;
  }

  // Nothing, or a comma, and the end.
  bool IsEmptyCollection(const std::string& end) {
    if (TakeIf(end)) return true;
    if (!TakeIf(",")) return false;
    Expect(end);
    return true;
  }

  Expr* ParseList() {
    Expr* list = ast_.New(ExprKind::kList, Position());
    Take();
    if (IsEmptyCollection("]")) return list;
    std::string_view extra = "],?";
    do {
      const bool optional = macros_.optionals && TakeIf("?");
      AddItem(*list, ParseWithin("],", extra, kAfterPrimary), optional);
      extra = "";
    } while (GoesOn("]"));
    return Measured(list, 0);
  }

  // `optional` of a map has one entry for the key and one for the value.
  Expr* ParseMap() {
    Expr* map = ast_.New(ExprKind::kMap, Position());
    Take();
    if (IsEmptyCollection("}")) return map;
    std::string_view extra = "},?";
    do {
      const bool optional = macros_.optionals && TakeIf("?");
      AddItem(*map, ParseWithin(":", extra, ",}.["), optional);
      Expect(":");
      AddItem(*map, ParseWithin("},", "", kAfterPrimary), optional);
      extra = "";
    } while (GoesOn("}"));
    return Measured(map, 0);
  }

  Expr* ParseLiteral(std::string_view extra) {
    Expr* literal = ast_.New(ExprKind::kLiteral, Position());
    const bool negative = At().Is("-");
    if (negative) Take();
    const Token& token = At();
    if (negative && token.kind != TokenKind::kInt && token.kind != TokenKind::kDouble) {
      return NoExpression(extra);
    }
    const std::string text = (negative ? "-" : "") + token.text;
    switch (token.kind) {
      case TokenKind::kTrue:
      case TokenKind::kFalse: literal->literal = Value::Bool(token.kind == TokenKind::kTrue); break;
      case TokenKind::kNull: break;
      case TokenKind::kInt: SetNumber("int", IntOfLiteral(text), *literal); break;
      case TokenKind::kUint: SetNumber("uint", UintOfLiteral(text), *literal); break;
      case TokenKind::kDouble: SetNumber("double", DoubleOfLiteral(text), *literal); break;
      default: ReadString(token, *literal); break;
    }
    Take();
    return literal;
  }

  // What `read` made of the text of `kind`; nothing: it is no such number.
  void SetNumber(const char* kind, const std::optional<Value>& read, Expr& out) {
    if (!read) AddIssue(out.position, std::string("invalid ") + kind + " literal");
    out.literal = read.value_or(Value::Int(0));
  }

  void ReadString(const Token& token, Expr& out) {
    const bool bytes = token.kind == TokenKind::kBytes;
    Unquoted read = UnquoteLiteral(token.text, bytes);
    if (!read.error.empty()) AddIssue(out.position, read.error);
    out.literal = bytes ? Value::Bytes(std::move(read.text)) : Value::String(std::move(read.text));
  }

  const MacroSet& macros_;
  // How deep the rules of the grammar that may enter themselves were entered.
  int expr_depth_ = 0;
  int relation_depth_ = 0;
  int calc_depth_ = 0;
};

}  // namespace

std::shared_ptr<Ast> ParseExpression(std::string_view text, const MacroSet& macros) {
  auto ast = std::make_shared<Ast>(text);
  if (const size_t size = ast->source.runes().size(); size > kExpressionRunesMax) {
    ast->issues.push_back({kNoPosition, "expression code point size exceeds limit: size: " +
                                            std::to_string(size) + ", limit " +
                                            std::to_string(kExpressionRunesMax)});
    return ast;
  }
  Parser(*ast, macros).Run();
  return ast;
}

}  // namespace skiff::cel
