// Messages say the line of the token that was read last, as Go's parser does; so tokens are put
// back where that one puts them back.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "api/text/go_text.h"
#include "base/text.h"
#include "cli/errors.h"
#include "cli/go_template_lexer.h"
#include "cli/go_template_tree.h"

namespace skiff::cli {
namespace {

using Kind = TemplateToken::Kind;

// Brackets and blocks within each other.
constexpr int kDepthMax = 100;
// {{else if}} stands in the {{else}} before it.
constexpr int kChainMax = 1000;

bool IsBlank(const std::vector<TemplateNode>& nodes) {
  return std::ranges::all_of(nodes, [](const TemplateNode& node) {
    return node.kind == TemplateNode::Kind::kText && WithoutBlanks(node.text).empty();
  });
}

// What all parsers of one template share.
struct Shared {
  explicit Shared(std::string_view whole) : text(whole), lexer(whole) {}
  const std::string_view text;
  TemplateLexer lexer;
  std::map<std::string, std::vector<TemplateNode>> templates;
  int depth = 0;
};

// Of the template as a whole, or of one that is defined in it.
class Parser {
 public:
  explicit Parser(Shared& shared) : shared_(shared) {}
  Result<> ParseAll();

 private:
  // An {{end}} or {{else}}, which ends a list.
  enum class Stop : uint8_t { kEnd, kElse };

  std::string LineOf(size_t position) const {
    const auto begin = shared_.text.begin();
    const auto end = begin + static_cast<ptrdiff_t>(std::min(position, shared_.text.size()));
    return std::to_string(1 + std::count(begin, end, '\n'));
  }
  tl::unexpected<Error> Wrong(const std::string& text) const {
    return CliError(
        fmt::format("template: {}:{}: {}", kTemplateName, LineOf(tokens_[0].position), text));
  }
  tl::unexpected<Error> Unexpected(const TemplateToken& token, const std::string& where) const;

  const TemplateToken& Read();
  const TemplateToken& Peek();
  const TemplateToken& ReadNonSpace();
  const TemplateToken& PeekNonSpace();
  void PutBack() { ++put_back_; }
  // It had been read before the one that is put back already.
  void PutBack(const TemplateToken& before) {
    tokens_[1] = before;
    put_back_ = 2;
  }
  Result<> Expect(Kind kind, const std::string& where);

  Result<Stop> ParseList(std::vector<TemplateNode>& nodes);
  // Adds a node, unless it is the end of the list.
  Result<std::optional<Stop>> ParseNode(std::vector<TemplateNode>& nodes);
  Result<std::optional<Stop>> ParseAction(std::vector<TemplateNode>& nodes);
  Result<TemplateNode> ParseBlock(TemplateNode::Kind kind, const std::string& word);
  Result<> ParseElse(const std::string& word, TemplateNode& node);
  Result<TemplateNode> ParseJump(const TemplateToken& word);
  Result<> ParseDefinition();
  Result<TemplateNode> ParseCall(bool defines);
  Result<> ParseBody(const std::string& name, const std::string& clause);
  Result<std::string> ParseName(const TemplateToken& token, const std::string& where);
  Result<> Add(const std::string& name, std::vector<TemplateNode> nodes);
  Result<TemplateNode> ParsePipeline(const std::string& where, Kind end);
  Result<> ParseDeclarations(const std::string& where, TemplateNode& pipe);
  Result<TemplateNode> ParseCommand();
  Result<std::optional<TemplateNode>> ParseOperand();
  Result<std::optional<TemplateNode>> ParseTerm();

  Shared& shared_;
  std::array<TemplateToken, 3> tokens_;  // The first is the one that was read last of all.
  int put_back_ = 0;
  std::optional<size_t> action_;  // Where the one began that is being read.
  std::vector<std::string> variables_ = {"$"};
  int ranges_ = 0;
  int chained_ = 0;
};

tl::unexpected<Error> Parser::Unexpected(const TemplateToken& token,
                                         const std::string& where) const {
  if (!token.Is(Kind::kError)) {
    return Wrong(fmt::format("unexpected {} in {}", token.Shown(), where));
  }
  const std::string line = action_ ? LineOf(*action_) : "";
  if (line.empty() || line == LineOf(token.position)) return Wrong(token.text);
  const char* action = token.text.ends_with(" action") ? "" : " in action";
  return Wrong(fmt::format("{}{} started at {}:{}", token.text, action, kTemplateName, line));
}

const TemplateToken& Parser::Read() {
  if (put_back_ > 0) return tokens_[--put_back_];
  tokens_[0] = shared_.lexer.Next();
  return tokens_[0];
}

const TemplateToken& Parser::Peek() {
  const TemplateToken& token = Read();
  PutBack();
  return token;
}

const TemplateToken& Parser::ReadNonSpace() {
  const TemplateToken* token = &Read();
  while (token->Is(Kind::kSpace)) token = &Read();
  return *token;
}

const TemplateToken& Parser::PeekNonSpace() {
  const TemplateToken& token = ReadNonSpace();
  PutBack();
  return token;
}

Result<> Parser::Expect(Kind kind, const std::string& where) {
  const TemplateToken& token = ReadNonSpace();
  if (!token.Is(kind)) return Unexpected(token, where);
  return {};
}

Result<> Parser::ParseAll() {
  std::vector<TemplateNode> nodes;
  while (!Peek().Is(Kind::kEnd)) {
    if (Peek().Is(Kind::kLeft)) {
      const TemplateToken left = Read();
      if (ReadNonSpace().IsKeyword("define")) {
        TRY(Parser(shared_).ParseDefinition());
        continue;
      }
      PutBack(left);
    }
    const auto stop = TRY(ParseNode(nodes));
    if (stop) return Wrong(*stop == Stop::kEnd ? "unexpected {{end}}" : "unexpected {{else}}");
  }
  return Add(kTemplateName, std::move(nodes));
}

Result<Parser::Stop> Parser::ParseList(std::vector<TemplateNode>& nodes) {
  if (shared_.depth == kDepthMax) return Wrong("blocks within each other too deeply");
  ++shared_.depth;
  while (!PeekNonSpace().Is(Kind::kEnd)) {
    const auto stop = TRY(ParseNode(nodes));
    if (!stop) continue;
    --shared_.depth;
    return *stop;
  }
  return Wrong("unexpected EOF");
}

Result<std::optional<Parser::Stop>> Parser::ParseNode(std::vector<TemplateNode>& nodes) {
  const TemplateToken token = ReadNonSpace();
  if (token.Is(Kind::kText)) {
    nodes.push_back({.kind = TemplateNode::Kind::kText, .position = token.position});
    nodes.back().text = token.text;
    return std::optional<Stop>();
  }
  if (!token.Is(Kind::kLeft)) return Unexpected(token, "input");
  action_ = token.position;
  auto stop = ParseAction(nodes);
  action_.reset();
  return stop;
}

Result<std::optional<Parser::Stop>> Parser::ParseAction(std::vector<TemplateNode>& nodes) {
  constexpr std::optional<Stop> kOn;
  const TemplateToken word = ReadNonSpace();
  if (word.IsKeyword("end")) {
    TRY(Expect(Kind::kRight, "end"));
    return std::optional(Stop::kEnd);
  }
  if (word.IsKeyword("else")) {
    const TemplateToken& next = PeekNonSpace();
    if (!next.IsKeyword("if") && !next.IsKeyword("with")) TRY(Expect(Kind::kRight, "else"));
    return std::optional(Stop::kElse);
  }
  const auto add = [&](Result<TemplateNode> node) -> Result<std::optional<Stop>> {
    if (!node) return tl::unexpected(node.error());
    nodes.push_back(*std::move(node));
    return kOn;
  };
  if (word.IsKeyword("if")) return add(ParseBlock(TemplateNode::Kind::kIf, "if"));
  if (word.IsKeyword("with")) return add(ParseBlock(TemplateNode::Kind::kWith, "with"));
  if (word.IsKeyword("range")) return add(ParseBlock(TemplateNode::Kind::kRange, "range"));
  if (word.IsKeyword("block")) return add(ParseCall(true));
  if (word.IsKeyword("template")) return add(ParseCall(false));
  if (word.IsKeyword("break") || word.IsKeyword("continue")) return add(ParseJump(word));
  PutBack();
  TemplateNode action{.kind = TemplateNode::Kind::kAction, .position = Peek().position};
  TemplateNode pipe = TRY(ParsePipeline("command", Kind::kRight));
  action.parts.push_back(std::move(pipe));
  nodes.push_back(std::move(action));
  return kOn;
}

Result<TemplateNode> Parser::ParseJump(const TemplateToken& word) {
  const std::string shown = "{{" + word.text + "}}";
  TRY(Expect(Kind::kRight, shown));
  if (ranges_ == 0) return Wrong(shown + " outside {{range}}");
  return TemplateNode{
      .kind = word.text == "break" ? TemplateNode::Kind::kBreak : TemplateNode::Kind::kContinue,
      .position = word.position};
}

Result<TemplateNode> Parser::ParseBlock(TemplateNode::Kind kind, const std::string& word) {
  const size_t scope = variables_.size();
  const int inner = kind == TemplateNode::Kind::kRange ? 1 : 0;
  TemplateNode node{.kind = kind};
  TemplateNode pipe = TRY(ParsePipeline(word, Kind::kRight));
  node.position = pipe.position;
  node.parts.push_back(std::move(pipe));
  ranges_ += inner;
  const Stop stop = TRY(ParseList(node.body));
  ranges_ -= inner;
  if (stop == Stop::kElse) TRY(ParseElse(word, node));
  variables_.resize(scope);
  return node;
}

Result<> Parser::ParseElse(const std::string& word, TemplateNode& node) {
  if (word != "range" && Peek().IsKeyword(word)) {
    Read();
    if (chained_ == kChainMax) return Wrong("too many {{else " + word + "}} after each other");
    ++chained_;
    TemplateNode next =
        TRY(ParseBlock(word == "if" ? TemplateNode::Kind::kIf : TemplateNode::Kind::kWith, word));
    --chained_;
    node.otherwise.push_back(std::move(next));
    return {};
  }
  const Stop last = TRY(ParseList(node.otherwise));
  if (last == Stop::kElse) return Wrong("expected end; found {{else}}");
  return {};
}

Result<std::string> Parser::ParseName(const TemplateToken& token, const std::string& where) {
  if (!token.Is(Kind::kString) && !token.Is(Kind::kRawString)) return Unexpected(token, where);
  auto name = UnquotedTemplateText(token.text);
  if (!name) return Wrong("invalid syntax");
  return *std::move(name);
}

// A parser of its own: "define" has been read.
Result<> Parser::ParseDefinition() {
  const std::string clause = "define clause";
  const TemplateToken token = ReadNonSpace();
  const std::string name = TRY(ParseName(token, clause));
  TRY(Expect(Kind::kRight, clause));
  return ParseBody(name, clause);
}

Result<> Parser::ParseBody(const std::string& name, const std::string& clause) {
  std::vector<TemplateNode> body;
  const Stop stop = TRY(ParseList(body));
  if (stop == Stop::kElse) return Wrong("unexpected {{else}} in " + clause);
  return Add(name, std::move(body));
}

// "{{template "x" .a}}", or "{{block "x" .a}}...{{end}}", which defines it as well.
Result<TemplateNode> Parser::ParseCall(bool defines) {
  const std::string clause = defines ? "block clause" : "template clause";
  const TemplateToken token = ReadNonSpace();
  TemplateNode node{.kind = TemplateNode::Kind::kTemplate, .position = token.position};
  node.text = TRY(ParseName(token, clause));
  if (!defines && ReadNonSpace().Is(Kind::kRight)) return node;
  if (!defines) PutBack();
  TemplateNode pipe = TRY(ParsePipeline(clause, Kind::kRight));
  node.parts.push_back(std::move(pipe));
  if (defines) TRY(Parser(shared_).ParseBody(node.text, clause));
  return node;
}

Result<> Parser::Add(const std::string& name, std::vector<TemplateNode> nodes) {
  const auto known = shared_.templates.find(name);
  if (known == shared_.templates.end() || IsBlank(known->second)) {
    shared_.templates[name] = std::move(nodes);
  } else if (!IsBlank(nodes)) {
    return Wrong(fmt::format("template: multiple definition of template {}", GoQuote(name)));
  }
  return {};
}

// "$x :=", "$x =", "$k, $v :=". What looks like one and is none is put back.
Result<> Parser::ParseDeclarations(const std::string& where, TemplateNode& pipe) {
  while (PeekNonSpace().Is(Kind::kVariable)) {
    const TemplateToken variable = Read();
    const TemplateToken behind = Peek();
    const TemplateToken next = PeekNonSpace();
    const bool is_comma = next.Is(Kind::kSign) && next.text == ",";
    if (!is_comma && !next.Is(Kind::kAssign) && !next.Is(Kind::kDeclare)) {
      if (behind.Is(Kind::kSpace)) {
        tokens_[1] = behind;
        tokens_[2] = variable;
        put_back_ = 3;
      } else {
        PutBack(variable);
      }
      return {};
    }
    ReadNonSpace();
    pipe.variables.push_back(variable.text);
    variables_.push_back(variable.text);
    if (!is_comma) {
      pipe.assigns = next.Is(Kind::kAssign);
      return {};
    }
    if (where != "range" || pipe.variables.size() > 1) {
      return Wrong("too many declarations in " + where);
    }
    const Kind after = PeekNonSpace().kind;
    if (after != Kind::kVariable && after != Kind::kRight && after != Kind::kRightParen) {
      return Wrong("range can only initialize variables");
    }
  }
  return {};
}

Result<TemplateNode> Parser::ParsePipeline(const std::string& where, Kind end) {
  TemplateNode pipe{.kind = TemplateNode::Kind::kPipe, .position = PeekNonSpace().position};
  TRY(ParseDeclarations(where, pipe));
  while (true) {
    const TemplateToken& token = ReadNonSpace();
    if (token.Is(end)) break;
    constexpr Kind kFirst[] = {Kind::kBool,     Kind::kCharacter, Kind::kComplex,   Kind::kField,
                               Kind::kName,     Kind::kNumber,    Kind::kRawString, Kind::kString,
                               Kind::kVariable, Kind::kLeftParen};
    const bool begins = std::ranges::find(kFirst, token.kind) != std::end(kFirst) ||
                        token.IsKeyword(".") || token.IsKeyword("nil");
    if (!begins) return Unexpected(token, where);
    PutBack();
    TemplateNode command = TRY(ParseCommand());
    pipe.parts.push_back(std::move(command));
  }
  if (pipe.parts.empty()) return Wrong("missing value for " + where);
  for (size_t i = 1; i < pipe.parts.size(); ++i) {
    const TemplateNode::Kind first = pipe.parts[i].parts[0].kind;
    if (first >= TemplateNode::Kind::kDot) {
      return Wrong(fmt::format("non executable command in pipeline stage {}", i + 1));
    }
  }
  return pipe;
}

// Takes the "|" behind it along.
Result<TemplateNode> Parser::ParseCommand() {
  TemplateNode command{.kind = TemplateNode::Kind::kCommand, .position = PeekNonSpace().position};
  while (true) {
    PeekNonSpace();
    auto operand = TRY(ParseOperand());
    if (operand) command.parts.push_back(*std::move(operand));
    const TemplateToken& token = Read();
    if (token.Is(Kind::kSpace)) continue;
    if (token.Is(Kind::kRight) || token.Is(Kind::kRightParen)) {
      PutBack();
    } else if (!token.Is(Kind::kPipe)) {
      return Unexpected(token, "operand");
    }
    if (command.parts.empty()) return Wrong("empty command");
    return command;
  }
}

// A term and the fields behind it, which move the position to the first of theirs.
Result<std::optional<TemplateNode>> Parser::ParseOperand() {
  auto term = TRY(ParseTerm());
  if (!term || !Peek().Is(Kind::kField)) return term;
  const size_t position = Peek().position;
  std::vector<std::string> fields;
  while (Peek().Is(Kind::kField)) fields.push_back(Read().text.substr(1));
  if (term->kind >= TemplateNode::Kind::kDot) {
    return Wrong(fmt::format("unexpected . after term {}", GoQuote(term->Shown())));
  }
  const bool has_fields =
      term->kind == TemplateNode::Kind::kField || term->kind == TemplateNode::Kind::kVariable;
  if (!has_fields) {
    TemplateNode chain{.kind = TemplateNode::Kind::kChain};
    chain.parts.push_back(*std::move(term));
    term = std::move(chain);
  }
  term->position = position;
  term->names.insert(term->names.end(), fields.begin(), fields.end());
  return term;
}

Result<std::optional<TemplateNode>> Parser::ParseTerm() {
  const TemplateToken token = ReadNonSpace();
  TemplateNode node{.position = token.position, .text = token.text};
  switch (token.kind) {
    case Kind::kName:
      if (FindTemplateFunction(token.text) == nullptr) {
        return Wrong(fmt::format("function {} not defined", GoQuote(token.text)));
      }
      node.kind = TemplateNode::Kind::kFunction;
      return std::optional(std::move(node));
    case Kind::kVariable:
      if (std::ranges::find(variables_, token.text) == variables_.end()) {
        return Wrong(fmt::format("undefined variable {}", GoQuote(token.text)));
      }
      node.kind = TemplateNode::Kind::kVariable;
      node.names.push_back(token.text);
      return std::optional(std::move(node));
    case Kind::kField:
      node.kind = TemplateNode::Kind::kField;
      node.names.push_back(token.text.substr(1));
      return std::optional(std::move(node));
    case Kind::kBool:
      node.kind = TemplateNode::Kind::kBool;
      node.literal = token.text == "true";
      return std::optional(std::move(node));
    case Kind::kCharacter:
    case Kind::kComplex:
    case Kind::kNumber: {
      auto number = TemplateNumber(token.text, token.Is(Kind::kCharacter));
      if (!number) return Wrong(number.error().message);
      node.kind = TemplateNode::Kind::kNumber;
      node.literal = *std::move(number);
      return std::optional(std::move(node));
    }
    case Kind::kString:
    case Kind::kRawString: {
      auto text = UnquotedTemplateText(token.text);
      if (!text) return Wrong("invalid syntax");
      node.kind = TemplateNode::Kind::kString;
      node.literal = *std::move(text);
      return std::optional(std::move(node));
    }
    case Kind::kLeftParen: {
      if (shared_.depth == kDepthMax) return Wrong("max expression depth exceeded");
      ++shared_.depth;
      TemplateNode pipe = TRY(ParsePipeline("parenthesized pipeline", Kind::kRightParen));
      --shared_.depth;
      return std::optional(std::move(pipe));
    }
    default:
      break;
  }
  if (token.IsKeyword(".") || token.IsKeyword("nil")) {
    node.kind = token.text == "." ? TemplateNode::Kind::kDot : TemplateNode::Kind::kNil;
    return std::optional(std::move(node));
  }
  PutBack();
  return std::optional<TemplateNode>();
}

}  // namespace

Result<TemplateNodes> ParseGoTemplate(std::string_view text) {
  TemplateNodes nodes{.text = std::string(text)};
  Shared shared(nodes.text);
  TRY(Parser(shared).ParseAll());
  nodes.templates = std::move(shared.templates);
  return nodes;
}

}  // namespace skiff::cli
