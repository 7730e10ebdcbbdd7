#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "api/text/go_text.h"
#include "api/text/utf8.h"
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

// The number of `count` digits to this base at `at`, which goes behind them.
std::optional<uint32_t> ReadDigits(std::string_view text, size_t& at, size_t count, int base) {
  uint32_t number = 0;
  const std::string_view digits = text.substr(std::min(at, text.size()), count);
  const char* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, number, base);
  if (digits.size() < count || read.ptr != end || read.ec != std::errc()) return std::nullopt;
  at += count;
  return number;
}

// What stands behind a backslash, at `at`, as Go's strconv.Unquote takes it. False: nothing does.
bool Unescape(std::string_view text, size_t& at, char quote, std::string& out) {
  constexpr std::string_view kLetters = "abfnrtv\\";
  constexpr std::string_view kMeant = "\a\b\f\n\r\t\v\\";
  const char c = text[at];
  if (c == quote) {
    out += text[at++];
    return true;
  }
  if (const size_t letter = kLetters.find(c); letter != std::string_view::npos) {
    ++at;
    out += kMeant[letter];
    return true;
  }
  const bool is_octal = c >= '0' && c <= '7';
  if (!is_octal) ++at;
  const size_t count = is_octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (count == 0) return false;
  const auto number = ReadDigits(text, at, count, is_octal ? 8 : 16);
  if (!number) return false;
  if (is_octal || c == 'x') {
    if (*number > 0xff) return false;
    out += static_cast<char>(*number);
    return true;
  }
  if (*number > 0x10ffff || (*number >= 0xd800 && *number <= 0xdfff)) return false;
  AppendUtf8(*number, out);
  return true;
}

std::optional<std::string> Unquoted(std::string_view inner, char quote) {
  std::string out;
  for (size_t at = 0; at < inner.size();) {
    if (inner[at] == '\n') return std::nullopt;
    if (inner[at] != '\\') {
      out += inner[at++];
      continue;
    }
    ++at;
    if (at == inner.size() || !Unescape(inner, at, quote, out)) return std::nullopt;
  }
  return out;
}

// The one character of a text in UTF-8; a lone byte from an escape is itself.
std::optional<int64_t> OnlyRune(std::string_view text) {
  if (text.size() == 1) return static_cast<unsigned char>(text[0]);
  if (text.empty() || Utf8SequenceLength(text) != text.size()) return std::nullopt;
  const auto first = static_cast<unsigned char>(text[0]);
  int64_t rune = first & (0x7f >> text.size());
  for (const char c : text.substr(1)) rune = rune << 6 | (static_cast<unsigned char>(c) & 0x3f);
  return rune;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<TemplateNodes> Parse() {
    TemplateNodes parsed;
    const std::string end = TRY(ParseList(parsed.nodes));
    if (!end.empty()) return Wrong(fmt::format("unexpected {{{{{}}}}}", end));
    parsed.templates = std::move(templates_);
    return parsed;
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
  // "{{define "x"}}...{{end}}", which stands in nothing else.
  Result<> ParseDefinition();
  // "{{template "x" .a}}", or "{{block "x" .a}}...{{end}}", which defines it as well.
  Result<TemplateNode> ParseCall(const std::string& word);
  Result<std::string> ParseTemplateName(const std::string& word);
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
  std::map<std::string, std::vector<TemplateNode>> templates_;
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
  const std::string_view inner = body.substr(at + 1, end - at - 1);
  const auto text = quote == '`' ? std::optional(std::string(inner)) : Unquoted(inner, quote);
  if (!text) return Wrong("invalid syntax");
  const std::string_view whole = body.substr(at, end + 1 - at);
  at = end + 1;
  if (quote != '\'') return Token{Token::Kind::kLiteral, "", *text, false};
  const auto rune = OnlyRune(*text);
  if (!rune) return Wrong(fmt::format("malformed character constant: {}", whole));
  return Token{Token::Kind::kLiteral, "", *rune, false};
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
    if (word == "define") {
      if (depth_ > 1) return Wrong("unexpected <define> in command");
      TRY(ParseDefinition());
      continue;
    }
    if (word == "template" || word == "block") {
      TemplateNode node = TRY(ParseCall(word));
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

Result<std::string> Parser::ParseTemplateName(const std::string& word) {
  ++now_;
  const Token& name = Now();
  if (name.kind != Token::Kind::kLiteral || !name.literal.is_string()) {
    return Wrong(fmt::format("unexpected {} in {} clause", GoQuote(name.text), word));
  }
  ++now_;
  return name.literal.get<std::string>();
}

Result<> Parser::ParseDefinition() {
  const std::string name = TRY(ParseTemplateName("define"));
  if (now_ < tokens_.size()) {
    return Wrong(fmt::format("unexpected {} in define clause", GoQuote(Now().text)));
  }
  std::vector<TemplateNode> body;
  const std::string end = TRY(ParseList(body));
  if (end.empty()) return Wrong("unexpected EOF");
  if (end != "end") return Wrong("unexpected {{else}} in define clause");
  templates_[name] = std::move(body);
  return {};
}

Result<TemplateNode> Parser::ParseCall(const std::string& word) {
  TemplateNode node;
  node.kind = TemplateNode::Kind::kTemplate;
  const std::string clause = word == "block" ? "block" : "template";
  node.text = TRY(ParseTemplateName(clause));
  if (word == "block" || now_ < tokens_.size()) node.pipeline = TRY(ParsePipeline(false));
  if (word != "block") return node;
  std::vector<TemplateNode> body;
  const std::string end = TRY(ParseList(body));
  if (end.empty()) return Wrong("unexpected EOF");
  if (end != "end") return Wrong("unexpected {{else}} in block clause");
  templates_[node.text] = std::move(body);
  return node;
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

Result<TemplateNodes> ParseGoTemplate(std::string_view text) {
  return Parser(text).Parse();
}

}  // namespace skiff::cli
