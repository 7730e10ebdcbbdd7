#include "api/yaml_scanner.h"

namespace skiff {
namespace {

// How far ahead of the ":" a key without "?" may begin.
constexpr size_t kSimpleKeyLengthMax = 1024;
constexpr size_t kAtTheEnd = static_cast<size_t>(-1);

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::string YamlProblem::Message() const {
  int line = context.line;
  if (at.line != 0) line = at.line + (by_scanner ? 1 : 0);
  return line == 0 ? text : "line " + std::to_string(line) + ": " + text;
}

size_t YamlScanner::WidthOf(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x80) return 1;
  if ((byte & 0xe0) == 0xc0) return 2;
  if ((byte & 0xf0) == 0xe0) return 3;
  return (byte & 0xf8) == 0xf0 ? 4 : 0;
}

YamlScanner::YamlScanner(std::string_view text) : text_(text) {
  if (text.starts_with("\xef\xbb\xbf")) at_ = 3;
  keys_.emplace_back();
}

YamlToken* YamlScanner::Peek() {
  if (failed_ || !FetchMore()) return nullptr;
  return &tokens_.front();
}

void YamlScanner::Skip() {
  if (tokens_.front().type == YamlTokenType::kStreamEnd) return;
  tokens_.pop_front();
  ++taken_;
}

size_t YamlScanner::BreakBytes(size_t ahead) const {
  const char c = At(ahead);
  if (c == '\n') return 1;
  if (c == '\r') return At(ahead + 1) == '\n' ? 2 : 1;
  if (c == '\xc2') return At(ahead + 1) == '\x85' ? 2 : 0;
  if (c != '\xe2' || At(ahead + 1) != '\x80') return 0;
  return At(ahead + 2) == '\xa8' || At(ahead + 2) == '\xa9' ? 3 : 0;
}

bool YamlScanner::IsWordChar() const {
  const char c = At();
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

bool YamlScanner::IsDocumentMark(char c) const {
  return mark_.column == 0 && At() == c && At(1) == c && At(2) == c && IsBlankOrEnd(3);
}

void YamlScanner::Advance(size_t characters) {
  for (; characters > 0; --characters) {
    at_ += WidthOf(At());
    ++mark_.index;
    ++mark_.column;
  }
}

void YamlScanner::AdvanceLine() {
  const size_t bytes = BreakBytes();
  if (bytes == 0) return;
  mark_.index += At() == '\r' && bytes == 2 ? 2 : 1;
  at_ += bytes;
  mark_.column = 0;
  ++mark_.line;
}

void YamlScanner::Read(std::string& out) {
  const size_t width = WidthOf(At());
  out.append(text_.substr(at_, width));
  Advance();
}

void YamlScanner::ReadBreak(std::string& out) {
  if (At() == '\xe2') {
    out.append(text_.substr(at_, 3));
  } else {
    out += '\n';
  }
  AdvanceLine();
}

bool YamlScanner::Fail(const YamlMark& context, std::string text) {
  problem_ = {.text = std::move(text), .at = mark_, .context = context};
  failed_ = true;
  return false;
}

bool YamlScanner::FetchMore() {
  for (;;) {
    if (!tokens_.empty()) {
      const auto key = keys_by_token_.find(taken_);
      if (key == keys_by_token_.end()) return true;
      bool valid = false;
      if (!IsValid(keys_[key->second], valid)) return false;
      if (!valid) return true;
    }
    if (!FetchNext()) return false;
  }
}

void YamlScanner::SkipToToken() {
  for (;;) {
    if (mark_.column == 0 && text_.substr(at_).starts_with("\xef\xbb\xbf")) Advance();
    while (At() == ' ' || ((flow_level_ > 0 || !key_allowed_) && At() == '\t')) Advance();
    if (At() == '#') {
      while (!IsBreakOrEnd()) Advance();
    }
    if (BreakBytes() == 0) return;
    AdvanceLine();
    // A new line of a block may begin with a key.
    if (flow_level_ == 0) key_allowed_ = true;
  }
}

bool YamlScanner::FetchNext() {
  SkipToToken();
  UnrollIndent(mark_.column);
  if (IsEnd()) {
    if (mark_.column != 0) {
      mark_.column = 0;
      ++mark_.line;
    }
    if (!ResetBlock()) return false;
    Insert(kAtTheEnd, YamlTokenType::kStreamEnd, mark_);
    return true;
  }
  if (mark_.column == 0 && At() == '%') return FetchDirective();
  for (const char c : {'-', '.'}) {
    if (!IsDocumentMark(c)) continue;
    if (!ResetBlock()) return false;
    Add(c == '-' ? YamlTokenType::kDocumentStart : YamlTokenType::kDocumentEnd, 3);
    return true;
  }
  bool found = false;
  const bool fine = FetchCollectionEntry(At(), found);
  return found ? fine : FetchOther(At());
}

bool YamlScanner::FetchCollectionEntry(char c, bool& found) {
  found = true;
  switch (c) {
    case '[':
      return FetchFlowStart(YamlTokenType::kFlowListStart);
    case '{':
      return FetchFlowStart(YamlTokenType::kFlowMapStart);
    case ']':
      return FetchFlowEnd(YamlTokenType::kFlowListEnd);
    case '}':
      return FetchFlowEnd(YamlTokenType::kFlowMapEnd);
    case ',':
      if (!RemoveKey()) return false;
      key_allowed_ = true;
      Add(YamlTokenType::kFlowEntry, 1);
      return true;
    case '-':
      if (IsBlankOrEnd(1)) return FetchBlockEntry();
      break;
    case '?':
      if (flow_level_ > 0 || IsBlankOrEnd(1)) return FetchKey();
      break;
    case ':':
      if (flow_level_ > 0 || IsBlankOrEnd(1)) return FetchValue();
      break;
    default:
      break;
  }
  found = false;
  return true;
}

bool YamlScanner::FetchOther(char c) {
  switch (c) {
    case '*':
      return FetchName(YamlTokenType::kAlias);
    case '&':
      return FetchName(YamlTokenType::kAnchor);
    case '!':
      return FetchTag();
    case '\'':
    case '"':
      return FetchQuoted(c == '\'');
    case '|':
    case '>':
      if (flow_level_ == 0) return FetchBlockScalar(c == '|');
      break;
    default:
      break;
  }
  constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@`";
  const bool indicator = IsBlankOrEnd() || kIndicators.find(c) != kIndicators.npos;
  const bool dash = c == '-' && !IsBlank(1);
  const bool word = flow_level_ == 0 && (c == '?' || c == ':') && !IsBlankOrEnd(1);
  if (!indicator || dash || word) return FetchPlain();
  return Fail(mark_, "found character that cannot start any token");
}

void YamlScanner::Add(YamlTokenType type, size_t characters) {
  const YamlMark begin = mark_;
  Advance(characters);
  tokens_.push_back({.type = type, .begin = begin, .end_line = mark_.line});
}

// `number`: of the token in front of which it goes.
void YamlScanner::Insert(size_t number, YamlTokenType type, const YamlMark& mark) {
  YamlToken token{.type = type, .begin = mark, .end_line = mark.line};
  if (number == kAtTheEnd) {
    tokens_.push_back(std::move(token));
  } else {
    tokens_.insert(tokens_.begin() + static_cast<std::ptrdiff_t>(number - taken_),
                   std::move(token));
  }
}

bool YamlScanner::IsValid(SimpleKey& key, bool& valid) {
  valid = key.possible;
  if (!key.possible) return true;
  if (key.mark.line >= mark_.line && key.mark.index + kSimpleKeyLengthMax >= mark_.index) {
    return true;
  }
  if (key.required) return Fail(key.mark, "could not find expected ':'");
  key.possible = valid = false;
  return true;
}

bool YamlScanner::SaveKey() {
  if (!key_allowed_) return true;
  if (!RemoveKey()) return false;
  const size_t number = taken_ + tokens_.size();
  keys_.back() = {.possible = true,
                  .required = flow_level_ == 0 && indent_ == mark_.column,
                  .token = number,
                  .mark = mark_};
  keys_by_token_[number] = keys_.size() - 1;
  return true;
}

bool YamlScanner::RemoveKey() {
  SimpleKey& key = keys_.back();
  if (!key.possible) return true;
  if (key.required) return Fail(key.mark, "could not find expected ':'");
  key.possible = false;
  keys_by_token_.erase(key.token);
  return true;
}

bool YamlScanner::RollIndent(int column, size_t number, YamlTokenType type, const YamlMark& mark) {
  if (flow_level_ > 0 || indent_ >= column) return true;
  indents_.push_back(indent_);
  indent_ = column;
  if (indents_.size() > static_cast<size_t>(kDepthMax)) {
    return Fail(keys_.back().mark, "exceeded max depth of " + std::to_string(kDepthMax));
  }
  Insert(number, type, mark);
  return true;
}

void YamlScanner::UnrollIndent(int column) {
  if (flow_level_ > 0) return;
  while (indent_ > column) {
    Insert(kAtTheEnd, YamlTokenType::kBlockEnd, mark_);
    indent_ = indents_.back();
    indents_.pop_back();
  }
}

bool YamlScanner::ResetBlock() {
  UnrollIndent(-1);
  if (!RemoveKey()) return false;
  key_allowed_ = false;
  return true;
}

bool YamlScanner::FetchFlowStart(YamlTokenType type) {
  if (!SaveKey()) return false;
  keys_.push_back({.token = taken_ + tokens_.size(), .mark = mark_});
  if (++flow_level_ > kDepthMax) {
    return Fail(mark_, "exceeded max depth of " + std::to_string(kDepthMax));
  }
  key_allowed_ = true;
  Add(type, 1);
  return true;
}

bool YamlScanner::FetchFlowEnd(YamlTokenType type) {
  if (!RemoveKey()) return false;
  if (flow_level_ > 0) {
    --flow_level_;
    keys_by_token_.erase(keys_.back().token);
    keys_.pop_back();
  }
  key_allowed_ = false;
  Add(type, 1);
  return true;
}

bool YamlScanner::FetchBlockEntry() {
  if (flow_level_ == 0) {
    if (!key_allowed_) {
      return Fail(mark_, "block sequence entries are not allowed in this context");
    }
    if (!RollIndent(mark_.column, kAtTheEnd, YamlTokenType::kBlockListStart, mark_)) return false;
  }
  if (!RemoveKey()) return false;
  key_allowed_ = true;
  Add(YamlTokenType::kBlockEntry, 1);
  return true;
}

bool YamlScanner::FetchKey() {
  if (flow_level_ == 0) {
    if (!key_allowed_) return Fail(mark_, "mapping keys are not allowed in this context");
    if (!RollIndent(mark_.column, kAtTheEnd, YamlTokenType::kBlockMapStart, mark_)) return false;
  }
  if (!RemoveKey()) return false;
  key_allowed_ = flow_level_ == 0;
  Add(YamlTokenType::kKey, 1);
  return true;
}

bool YamlScanner::FetchValue() {
  SimpleKey& key = keys_.back();
  bool valid = false;
  if (!IsValid(key, valid)) return false;
  if (valid) {
    Insert(key.token, YamlTokenType::kKey, key.mark);
    if (!RollIndent(key.mark.column, key.token, YamlTokenType::kBlockMapStart, key.mark)) {
      return false;
    }
    key.possible = false;
    keys_by_token_.erase(key.token);
    key_allowed_ = false;
  } else {
    if (flow_level_ == 0) {
      if (!key_allowed_) return Fail(mark_, "mapping values are not allowed in this context");
      if (!RollIndent(mark_.column, kAtTheEnd, YamlTokenType::kBlockMapStart, mark_)) return false;
    }
    key_allowed_ = flow_level_ == 0;
  }
  Add(YamlTokenType::kValue, 1);
  return true;
}

}  // namespace skiff
