#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "cli/errors.h"
#include "cli/go_template_tree.h"

namespace skiff::cli {
namespace {

// Brackets and blocks within each other.
constexpr int kDepthMax = 100;
// {{else if}} stands in the {{else}} before it.
constexpr int kChainMax = 1000;

struct Token {
  enum class Kind : uint8_t { kName, kMember, kVariable, kLiteral, kSign, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;  // Of a sign: "(", ")", "|", ",", ":=", "=", ".".
  Json literal;
  bool spaced = false;  // A space stands before it.
};

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<TemplateNode>> Parse() {
    std::vector<TemplateNode> nodes;
    const std::string end = TRY(ParseList(nodes));
    if (!end.empty()) return Wrong(fmt::format("unexpected {{{{{}}}}}", end));
    return nodes;
  }

 private:
  tl::unexpected<Error> Wrong(const std::string& text) const {
    return CliError(fmt::format("template: output:{}: {}", line_, text));
  }

  // Nodes until an {{end}} or {{else}}, whose word is returned; its tokens are left in tokens_.
  Result<std::string> ParseList(std::vector<TemplateNode>& nodes);
  // The tokens of the action that begins at at_.
  Result<> ReadAction();
  Result<Token> ReadToken(std::string_view body, size_t& at);
  Result<Token> ReadQuoted(std::string_view body, size_t& at);
  Result<TemplateNode> ParseBlock(TemplateNode::Kind kind, const std::string& word);
  Result<TemplatePipeline> ParsePipeline(bool in_brackets);
  Result<> ParseDeclaration(TemplatePipeline& pipeline);
  Result<TemplateOperand> ParseOperand();

  const Token& Now() const { return now_ < tokens_.size() ? tokens_[now_] : end_token_; }
  bool IsSign(std::string_view sign) const {
    return Now().kind == Token::Kind::kSign && Now().text == sign;
  }

  const std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  int depth_ = 0;
  int chained_ = 0;
  bool trim_next_ = false;  // "-}}" stood before.
  std::vector<Token> tokens_;
  size_t now_ = 0;
  const Token end_token_;
};

Result<Token> Parser::ReadQuoted(std::string_view body, size_t& at) {
  const char quote = body[at];
  size_t end = at + 1;
  while (end < body.size() && body[end] != quote) {
    end += quote != '`' && body[end] == '\\' ? 2 : 1;
  }
  if (end >= body.size()) {
    return Wrong(quote == '`' ? "unterminated raw quoted string" : "unterminated quoted string");
  }
  std::string text;
  for (size_t i = at + 1; i < end; ++i) {
    if (quote == '`' || body[i] != '\\') {
      text += body[i];
      continue;
    }
    const char c = body[++i];
    text += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
  }
  at = end + 1;
  Token token{Token::Kind::kLiteral, "", text, false};
  if (quote == '\'') token.literal = text.empty() ? 0 : static_cast<unsigned char>(text[0]);
  return token;
}

Result<Token> Parser::ReadToken(std::string_view body, size_t& at) {
  const char c = body[at];
  if (c == '"' || c == '`' || c == '\'') return ReadQuoted(body, at);
  const size_t begin = at;
  const auto name_end = [&](size_t from) {
    while (from < body.size() && IsNameChar(body[from])) ++from;
    return from;
  };
  const bool digit = c >= '0' && c <= '9';
  const bool sign =
      (c == '-' || c == '+') && at + 1 < body.size() && body[at + 1] >= '0' && body[at + 1] <= '9';
  if (digit || sign) {
    const auto in_exponent = [&] {
      return (body[at] == '-' || body[at] == '+') && Lower(body[at - 1]) == 'e' &&
             body.substr(begin, 3).find_first_of("xX") == std::string_view::npos;
    };
    ++at;
    while (at < body.size() && (IsNameChar(body[at]) || body[at] == '.' || in_exponent())) ++at;
    const std::string word(body.substr(begin, at - begin));
    const Json number = Json::parse(word[0] == '+' ? word.substr(1) : word, nullptr, false);
    if (!number.is_number()) return Wrong(fmt::format("bad number syntax: \"{}\"", word));
    return Token{Token::Kind::kLiteral, "", number, false};
  }
  if (c == '.' || c == '$') {
    at = name_end(at + 1);
    std::string word(body.substr(begin, at - begin));
    if (c == '$') return Token{Token::Kind::kVariable, std::move(word), {}, false};
    if (word == ".") return Token{Token::Kind::kSign, ".", {}, false};
    return Token{Token::Kind::kMember, word.substr(1), {}, false};
  }
  if (IsNameChar(c)) {
    at = name_end(at);
    std::string word(body.substr(begin, at - begin));
    if (word == "true" || word == "false") {
      return Token{Token::Kind::kLiteral, "", word == "true", false};
    }
    if (word == "nil") return Token{Token::Kind::kLiteral, "nil", nullptr, false};
    return Token{Token::Kind::kName, std::move(word), {}, false};
  }
  if (body.substr(at, 2) == ":=") {
    at += 2;
    return Token{Token::Kind::kSign, ":=", {}, false};
  }
  if (std::string_view("()|,=").find(c) == std::string_view::npos) {
    return Wrong(fmt::format("unexpected \"{}\" in command", c));
  }
  ++at;
  return Token{Token::Kind::kSign, std::string(1, c), {}, false};
}

// at_ is behind "{{". Quotes may hold "}}".
Result<> Parser::ReadAction() {
  tokens_.clear();
  now_ = 0;
  bool spaced = false;
  if (text_.substr(at_, 1) == "-") ++at_;  // Its trimming was done before.
  if (text_.substr(at_, 2) == "/*") {
    const size_t end = text_.find("*/", at_);
    if (end == std::string_view::npos) return Wrong("unclosed comment");
    at_ = end + 2;
  }
  while (true) {
    if (at_ >= text_.size()) return Wrong("unclosed action");
    const char c = text_[at_];
    if (text_.substr(at_, 2) == "}}" || text_.substr(at_, 3) == "-}}") {
      trim_next_ = c == '-';
      at_ += c == '-' ? 3 : 2;
      return {};
    }
    if (c == '\n') ++line_;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      spaced = true;
      ++at_;
      continue;
    }
    Token token = TRY(ReadToken(text_, at_));
    token.spaced = spaced;
    spaced = false;
    tokens_.push_back(std::move(token));
  }
}

Result<std::string> Parser::ParseList(std::vector<TemplateNode>& nodes) {
  if (++depth_ > kDepthMax) return Wrong("blocks within each other too deeply");
  constexpr std::string_view kSpace = " \t\r\n";
  while (at_ < text_.size()) {
    const size_t open = std::min(text_.find("{{", at_), text_.size());
    std::string text(text_.substr(at_, open - at_));
    for (const char c : text) line_ += c == '\n';
    if (trim_next_) text.erase(0, std::min(text.find_first_not_of(kSpace), text.size()));
    trim_next_ = false;
    const std::string_view after = text_.substr(std::min(open + 2, text_.size()));
    if (after.size() > 1 && after[0] == '-' && kSpace.find(after[1]) != std::string_view::npos) {
      text.erase(text.find_last_not_of(kSpace) + 1);
    }
    if (!text.empty()) nodes.push_back({TemplateNode::Kind::kText, std::move(text), {}, {}, {}});
    if (open == text_.size()) break;
    at_ = open + 2;
    TRY(ReadAction());
    if (tokens_.empty()) continue;  // A comment.
    const std::string word = Now().kind == Token::Kind::kName ? Now().text : "";
    if (word == "end" || word == "else") {
      --depth_;
      return word;
    }
    if (word == "if" || word == "range" || word == "with") {
      ++now_;
      TemplateNode node = TRY(ParseBlock(word == "if"      ? TemplateNode::Kind::kIf
                                         : word == "range" ? TemplateNode::Kind::kRange
                                                           : TemplateNode::Kind::kWith,
                                         word));
      nodes.push_back(std::move(node));
      continue;
    }
    if (word == "break" || word == "continue") {
      const bool ends = word == "break";
      nodes.push_back(
          {ends ? TemplateNode::Kind::kBreak : TemplateNode::Kind::kContinue, "", {}, {}, {}});
      continue;
    }
    TemplatePipeline pipeline = TRY(ParsePipeline(false));
    nodes.push_back({TemplateNode::Kind::kAction, "", std::move(pipeline), {}, {}});
  }
  --depth_;
  return std::string();
}

Result<TemplateNode> Parser::ParseBlock(TemplateNode::Kind kind, const std::string& word) {
  TemplateNode node;
  node.kind = kind;
  node.pipeline = TRY(ParsePipeline(false));
  if (node.pipeline.commands.empty()) return Wrong("missing value for " + word);
  const std::string end = TRY(ParseList(node.body));
  if (end.empty()) return Wrong("unexpected EOF");
  if (end == "end") return node;
  ++now_;
  const std::string next = Now().kind == Token::Kind::kName ? Now().text : "";
  if (next == "if" || next == "with") {
    ++now_;
    if (++chained_ > kChainMax) return Wrong("too many {{else " + next + "}} after each other");
    TemplateNode inner =
        TRY(ParseBlock(next == "if" ? TemplateNode::Kind::kIf : TemplateNode::Kind::kWith, next));
    --chained_;
    node.otherwise.push_back(std::move(inner));
    return node;
  }
  const std::string last = TRY(ParseList(node.otherwise));
  if (last.empty()) return Wrong("unexpected EOF");
  if (last == "else") return Wrong("expected end; found {{else}}");
  return node;
}

// "$x :=", "$x =", "$k, $v :="
Result<> Parser::ParseDeclaration(TemplatePipeline& pipeline) {
  size_t at = now_;
  std::vector<std::string> names;
  while (at < tokens_.size() && tokens_[at].kind == Token::Kind::kVariable) {
    names.push_back(tokens_[at++].text);
    const bool comma =
        at < tokens_.size() && tokens_[at].kind == Token::Kind::kSign && tokens_[at].text == ",";
    if (!comma) break;
    ++at;
  }
  if (names.empty() || at >= tokens_.size() || tokens_[at].kind != Token::Kind::kSign) return {};
  if (tokens_[at].text != ":=" && tokens_[at].text != "=") return {};
  if (names.size() > 2) return Wrong("too many declarations");
  pipeline.variables = std::move(names);
  pipeline.declares = tokens_[at].text == ":=";
  now_ = at + 1;
  return {};
}

Result<TemplatePipeline> Parser::ParsePipeline(bool in_brackets) {
  TemplatePipeline pipeline;
  if (!in_brackets) TRY(ParseDeclaration(pipeline));
  std::vector<TemplateOperand> command;
  while (true) {
    const bool end = Now().kind == Token::Kind::kEnd;
    if (end || IsSign("|") || IsSign(")")) {
      if (IsSign(")") && !in_brackets) return Wrong("unexpected right paren");
      if (end && in_brackets) return Wrong("unclosed left paren");
      if (command.empty()) return Wrong(end ? "missing value for command" : "empty command");
      pipeline.commands.push_back(std::move(command));
      command.clear();
      const bool more = IsSign("|");
      ++now_;
      if (!more) return pipeline;
      continue;
    }
    TemplateOperand operand = TRY(ParseOperand());
    command.push_back(std::move(operand));
  }
}

Result<TemplateOperand> Parser::ParseOperand() {
  TemplateOperand operand;
  const Token token = Now();
  ++now_;
  switch (token.kind) {
    case Token::Kind::kName:
      if (token.text != "and" && token.text != "or" && !IsTemplateFunction(token.text)) {
        return Wrong(fmt::format("function \"{}\" not defined", token.text));
      }
      operand.kind = TemplateOperand::Kind::kFunction;
      operand.name = token.text;
      return operand;
    case Token::Kind::kLiteral:
      operand.kind = TemplateOperand::Kind::kLiteral;
      operand.literal = token.literal;
      return operand;
    case Token::Kind::kVariable:
      operand.kind = TemplateOperand::Kind::kVariable;
      operand.name = token.text;
      break;
    case Token::Kind::kMember:
      operand.members.push_back(token.text);
      break;
    case Token::Kind::kSign:
      if (token.text == ".") break;
      if (token.text != "(") {
        return Wrong(fmt::format("unexpected \"{}\" in operand", token.text));
      }
      if (++depth_ > kDepthMax) return Wrong("too many brackets");
      operand.kind = TemplateOperand::Kind::kPipeline;
      operand.pipeline = std::make_shared<TemplatePipeline>(TRY(ParsePipeline(true)));
      --depth_;
      break;
    case Token::Kind::kEnd:
      return Wrong("unexpected EOF");
  }
  while (Now().kind == Token::Kind::kMember && !Now().spaced) {
    operand.members.push_back(Now().text);
    ++now_;
  }
  return operand;
}

}  // namespace

Result<std::vector<TemplateNode>> ParseGoTemplate(std::string_view text) {
  return Parser(text).Parse();
}

}  // namespace skiff::cli
