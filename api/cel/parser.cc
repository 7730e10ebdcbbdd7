#include "api/cel/parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "api/cel/lexer.h"
#include "api/cel/words.h"

namespace skiff::cel {
namespace {

constexpr size_t kSyntaxErrorsMax = 100;
// How often parsing goes on after what it did not expect.
constexpr int kRecoveriesMax = 30;

// What an expression may begin with; `extra` is what else may stand there.
std::string ExpressionSet(std::string_view extra) {
  const std::string closing = extra == ")" ? "')', " : "";
  const std::string question = extra == "?" ? "'?', " : "";
  return "{'[', '{', '(', " + closing + "'.', '-', '!', " + question +
         "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
}

bool BeginsExpression(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd:
    case TokenKind::kIn:
    case TokenKind::kEscapedIdent: return false;
    case TokenKind::kSymbol:
      return token.Is("[") || token.Is("{") || token.Is("(") || token.Is(".") || token.Is("-") ||
             token.Is("!");
    default: return true;
  }
}

// Counts one more of a kind of nesting while it is alive.
class Level {
 public:
  explicit Level(int& depth, int initial = 1) : depth_(depth), count_(initial) {
    depth_ += initial;
  }
  ~Level() { depth_ -= count_; }
  Level(const Level&) = delete;
  void Deeper() {
    ++depth_;
    ++count_;
  }

 private:
  int& depth_;
  int count_;
};

class Parser {
 public:
  Parser(Ast& ast, const MacroSet& macros)
      : ast_(ast), macros_(macros), tokens_(Tokenize(ast.source, ast.issues)) {}

  void Run() {
    Expr* root = ParseExpr("");
    if (!stopped_ && !At().Is(TokenKind::kEnd)) {
      const bool one_too_many = tokens_[at_ + 1].Is(TokenKind::kEnd);
      Complain(one_too_many ? "extraneous" : "mismatched", "<EOF>");
    }
    if (too_deep_) {
      ast_.issues = {{kNoPosition,
                      "expression recursion limit exceeded: " + std::to_string(kRecursionMax)}};
    }
    if (ast_.issues.size() > kSyntaxErrorsMax) ast_.issues.resize(kSyntaxErrorsMax);
    ast_.root = root;
  }

 private:
  const Token& At() const { return tokens_[at_]; }
  int Position() const { return static_cast<int>(At().begin); }
  bool Dead() const { return stopped_ || too_deep_; }

  bool TooDeep(int depth) {
    too_deep_ |= depth > kRecursionMax;
    return too_deep_;
  }

  void Take() {
    recovering_ = false;
    if (at_ + 1 < tokens_.size()) ++at_;
  }

  bool TakeIf(std::string_view symbol) {
    if (Dead() || !At().Is(symbol)) return false;
    Take();
    return true;
  }

  void AddIssue(int position, std::string message) {
    ast_.issues.push_back({position, std::move(message)});
  }

  void Syntax(int position, const std::string& message) {
    if (recovering_ || Dead()) return;
    AddIssue(position, "Syntax error: " + message);
    recovering_ = true;
    if (++recoveries_ > kRecoveriesMax) {
      AddIssue(kNoPosition, "error recovery attempt limit exceeded: " +
                                std::to_string(kRecoveriesMax));
      stopped_ = true;
    }
  }

  void Complain(const std::string& how, const std::string& expecting) {
    Syntax(Position(), how + " input '" + At().text + "' expecting " + expecting);
  }

  // Nothing more is said about text that fits no rule.
  void Stop() { stopped_ = true; }

  // The token `symbol`, which must stand here: one that is too many before it is passed over.
  void Expect(const std::string& symbol) {
    if (Dead() || TakeIf(symbol)) return;
    if (tokens_[std::min(at_ + 1, tokens_.size() - 1)].Is(symbol)) {
      Complain("extraneous", "'" + symbol + "'");
      Take();
      Take();
      return;
    }
    // Where the input goes on as it would after the symbol, that alone is missing.
    const bool follows = At().Is(TokenKind::kEnd) ||
                         (At().Is(TokenKind::kSymbol) && !BeginsExpression(At()));
    const bool goes_on = symbol != ":" && follows;
    if (goes_on) {
      Syntax(Position(), "missing '" + symbol + "' at '" + At().text + "'");
      return;
    }
    Complain("mismatched", "'" + symbol + "'");
    Stop();
  }

  // The end of a list or a map, after an optional comma.
  void ExpectEnd(const std::string& symbol) {
    if (Dead() || TakeIf(symbol)) return;
    const bool next = tokens_[std::min(at_ + 1, tokens_.size() - 1)].Is(symbol);
    Complain(next ? "extraneous" : "mismatched", "{'" + symbol + "', ','}");
    if (!next) return Stop();
    Take();
    Take();
  }

  Expr* Missing() { return ast_.New(ExprKind::kLiteral, Position()); }

  // Nothing here begins an expression.
  Expr* NoExpression(std::string_view extra) {
    if (Dead()) return Missing();
    const Token& next = tokens_[std::min(at_ + 1, tokens_.size() - 1)];
    const bool skippable = At().kind != TokenKind::kEnd && !At().Is(TokenKind::kEscapedIdent) &&
                           (BeginsExpression(next) || (!extra.empty() && next.Is(extra)));
    if (skippable) {
      Complain("extraneous", ExpressionSet(extra));
      Take();
      recovering_ = true;
      if (!extra.empty() && At().Is(extra)) return Missing();
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

  Expr* Call(std::string name, int position, std::vector<Expr*> args) {
    Expr* call = ast_.New(ExprKind::kCall, position);
    call->name = std::move(name);
    call->args = std::move(args);
    return call;
  }

  Expr* ParseExpr(std::string_view extra) {
    Level level(expr_depth_);
    if (Dead() || TooDeep(expr_depth_)) return Missing();
    Expr* condition = ParseOr(extra);
    if (Dead() || !At().Is("?")) return condition;
    const int position = Position();
    Take();
    Expr* yes = ParseOr("");
    Expect(":");
    if (Dead()) return yes;
    Expr* no = ParseExpr("");
    return Call("_?_:_", position, {condition, yes, no});
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
    return chain;
  }

  Expr* ParseRelation(std::string_view extra) {
    static const std::set<std::string, std::less<>> operators = {"<",  "<=", ">", ">=",
                                                                 "==", "!=", "in"};
    Level level(relation_depth_);
    Expr* left = ParseSum(extra);
    while (!Dead() && operators.contains(At().text) &&
           (At().Is(TokenKind::kSymbol) || At().Is(TokenKind::kIn))) {
      level.Deeper();
      if (TooDeep(relation_depth_)) return left;
      const std::string name = At().Is(TokenKind::kIn) ? "@in" : "_" + At().text + "_";
      const int position = Position();
      Take();
      Expr* right = ParseSum("");
      left = Call(name, position, {left, right});
    }
    return left;
  }

  Expr* ParseSum(std::string_view extra) {
    Level level(calc_depth_);
    Expr* left = ParseProduct(extra);
    while (!Dead() && (At().Is("+") || At().Is("-"))) {
      level.Deeper();
      if (TooDeep(calc_depth_)) return left;
      left = Binary(left, [this] { return ParseProduct(""); });
    }
    return left;
  }

  Expr* ParseProduct(std::string_view extra) {
    Level level(calc_depth_, 0);
    Expr* left = ParseUnary(extra);
    while (!Dead() && (At().Is("*") || At().Is("/") || At().Is("%"))) {
      level.Deeper();
      if (TooDeep(calc_depth_)) return left;
      left = Binary(left, [this] { return ParseUnary(""); });
    }
    return left;
  }

  template <typename Operand>
  Expr* Binary(Expr* left, const Operand& operand) {
    const std::string name = "_" + At().text + "_";
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
      if (sign == "-" && At().Is("-") && count > 0 &&
          (after == TokenKind::kInt || after == TokenKind::kDouble)) {
        break;
      }
    }
    if (At().Is(TokenKind::kEnd)) return UnaryOfNothing(sign);
    Expr* operand = ParseMember("");
    if (count % 2 == 0) return operand;
    return Call(sign + "_", position, {operand});
  }

  Expr* UnaryOfNothing(const std::string& sign) {
    if (sign == "-") Syntax(Position(), "no viable alternative at input '-'");
    recovering_ = false;
    Complain(sign == "!" ? "extraneous" : "mismatched", ExpressionSet(""));
    return Missing();
  }

  Expr* ParseMember(std::string_view extra) {
    Level level(member_depth_);
    if (Dead() || TooDeep(member_depth_)) return Missing();
    Expr* member = ParsePrimary(extra);
    while (!Dead() && (At().Is(".") || At().Is("["))) {
      level.Deeper();
      if (TooDeep(member_depth_)) return member;
      member = At().Is(".") ? ParseSelection(member) : ParseIndex(member);
    }
    return member;
  }

  Expr* ParseIndex(Expr* target) {
    const int position = Position();
    Take();
    const bool optional = macros_.optionals && TakeIf("?");
    Expr* index = ParseExpr(optional ? "" : "?");
    Expect("]");
    return Call(optional ? "_[?_]" : "_[_]", position, {target, index});
  }

  Expr* ParseSelection(Expr* target) {
    const size_t dot = at_;
    const int position = Position();
    Take();
    const bool optional = macros_.optionals && TakeIf("?");
    if (At().Is(TokenKind::kEscapedIdent)) {
      AddIssue(Position(), "unsupported syntax: '`'");
      Take();
      return target;
    }
    if (!At().Is(TokenKind::kIdent)) return BadName(dot, target);
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
      return select;
    }
    Expr* call = Call(name, Position(), {});
    call->target = target;
    call->args = ParseArguments();
    return Expanded(call);
  }

  Expr* BadName(size_t dot, Expr* target) {
    const TokenKind kind = At().kind;
    if (kind == TokenKind::kTrue || kind == TokenKind::kFalse || kind == TokenKind::kNull ||
        kind == TokenKind::kIn) {
      Complain("mismatched", "IDENTIFIER");
    } else {
      const size_t end = At().Is(TokenKind::kEnd) ? tokens_[at_ - 1].end : At().end;
      Syntax(Position(), "no viable alternative at input '" +
                             ast_.source.Slice(tokens_[dot].begin, end) + "'");
    }
    Stop();
    return target;
  }

  std::vector<Expr*> ParseArguments() {
    std::vector<Expr*> args;
    Take();
    if (TakeIf(")")) return args;
    args.push_back(ParseExpr(")"));
    while (TakeIf(",")) args.push_back(ParseExpr(""));
    Expect(")");
    return args;
  }

  Expr* Expanded(Expr* call) {
    if (Dead()) return call;
    Expr* expansion = ExpandMacro(ast_, macros_, call);
    return expansion != nullptr ? expansion : call;
  }

  Expr* ParsePrimary(std::string_view extra) {
    if (Dead()) return Missing();
    const Token& token = At();
    if (token.Is("(")) {
      Take();
      Expr* inner = ParseExpr("");
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
      name = ".";
      Take();
      if (!At().Is(TokenKind::kIdent)) return BadName(begin, Missing());
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
      Expr* ident = ast_.New(ExprKind::kIdent, static_cast<int>(tokens_[begin].begin));
      ident->name = name;
      return ident;
    }
    Expr* call = Call(name, Position(), {});
    call->args = ParseArguments();
    return Expanded(call);
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
      if (!At().Is(TokenKind::kIdent)) {
        Complain("mismatched", "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}");
        Stop();
        return out;
      }
      out->fields.push_back(At().text);
      Take();
      Expect(":");
      AddItem(*out, ParseExpr(""), optional);
      if (!TakeIf(",")) break;
    }
    ExpectEnd("}");
    return out;
  }

  static void AddItem(Expr& out, Expr* item, bool optional) {
    if (optional && out.optional.empty()) out.optional.resize(out.args.size(), false);
    out.args.push_back(item);
    if (optional || !out.optional.empty()) out.optional.push_back(optional);
  }

  Expr* ParseList() {
    Expr* list = ast_.New(ExprKind::kList, Position());
    Take();
    while (!Dead() && !At().Is("]")) {
      if (At().Is(",") && tokens_[at_ + 1].Is("]")) break;
      const bool optional = macros_.optionals && TakeIf("?");
      AddItem(*list, ParseExpr(""), optional);
      if (!At().Is(",") || tokens_[at_ + 1].Is("]")) break;
      Take();
    }
    TakeIf(",");
    ExpectEnd("]");
    return list;
  }

  // `optional` of a map has one entry for the key and one for the value.
  Expr* ParseMap() {
    Expr* map = ast_.New(ExprKind::kMap, Position());
    Take();
    while (!Dead() && !At().Is("}")) {
      if (At().Is(",") && tokens_[at_ + 1].Is("}")) break;
      const bool optional = macros_.optionals && TakeIf("?");
      AddItem(*map, ParseExpr(""), optional);
      Expect(":");
      AddItem(*map, ParseExpr(""), optional);
      if (!At().Is(",") || tokens_[at_ + 1].Is("}")) break;
      Take();
    }
    TakeIf(",");
    ExpectEnd("}");
    return map;
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
      case TokenKind::kInt: ReadInt(text, *literal); break;
      case TokenKind::kUint: ReadUint(text, *literal); break;
      case TokenKind::kDouble: ReadDouble(text, *literal); break;
      default: ReadString(token, *literal); break;
    }
    Take();
    return literal;
  }

  void ReadInt(std::string text, Expr& out) {
    int base = 10;
    if (const size_t hex = text.find("0x"); hex != std::string::npos) {
      text.erase(hex, 2);
      base = 16;
    }
    int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value, base);
    if (read.ec != std::errc()) AddIssue(out.position, "invalid int literal");
    out.literal = Value::Int(value);
  }

  void ReadUint(std::string text, Expr& out) {
    text.pop_back();
    const bool hex = text.starts_with("0x");
    if (hex) text.erase(0, 2);
    uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value, hex ? 16 : 10);
    if (read.ec != std::errc()) AddIssue(out.position, "invalid uint literal");
    out.literal = Value::Uint(value);
  }

  void ReadDouble(const std::string& text, Expr& out) {
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    // Numbers too small to hold are zero; only those too large are refused.
    if (read.ec != std::errc() && std::strtod(text.c_str(), nullptr) != 0) {
      AddIssue(out.position, "invalid double literal");
    }
    out.literal = Value::Double(value);
  }

  void ReadString(const Token& token, Expr& out) {
    const bool bytes = token.kind == TokenKind::kBytes;
    Unquoted read = UnquoteLiteral(token.text, bytes);
    if (!read.error.empty()) AddIssue(out.position, read.error);
    out.literal = bytes ? Value::Bytes(std::move(read.text)) : Value::String(std::move(read.text));
  }

  Ast& ast_;
  const MacroSet& macros_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  bool recovering_ = false;  // Nothing was taken since the last complaint.
  bool stopped_ = false;
  bool too_deep_ = false;
  int recoveries_ = 0;
  int expr_depth_ = 0;
  int relation_depth_ = 0;
  int calc_depth_ = 0;
  int member_depth_ = 0;
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
