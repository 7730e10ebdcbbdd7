// YAML 1.1 text -> tokens, the way Go's go-yaml cuts them: the first half of reading YAML
// (yaml_parser.h is the second). Block structure becomes tokens of its own, from the columns in
// which things stand:
//
//   a:          BlockMapStart Key Scalar(a) Value
//   - b         BlockEntry Scalar(b)           (a list need not be indented under its key)
//   - c: d      BlockEntry BlockMapStart Key Scalar(c) Value Scalar(d) BlockEnd
//               BlockEnd
//
// What stands before a ":" turns out to be a key only there. So a token in front of which a Key may
// still have to be put is held back: within its line, and within 1,024 characters.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace skiff {

enum class YamlTokenType : uint8_t {
  kStreamEnd,
  kVersionDirective,
  kTagDirective,
  kDocumentStart,
  kDocumentEnd,
  kBlockListStart,
  kBlockMapStart,
  kBlockEnd,
  kFlowListStart,
  kFlowListEnd,
  kFlowMapStart,
  kFlowMapEnd,
  kBlockEntry,
  kFlowEntry,
  kKey,
  kValue,
  kAlias,
  kAnchor,
  kTag,
  kScalar,
};

// A place in the text, counted in characters from 0.
struct YamlMark {
  size_t index = 0;
  int line = 0;
  int column = 0;
};

struct YamlToken {
  YamlTokenType type = YamlTokenType::kStreamEnd;
  YamlMark begin;
  int end_line = 0;
  // Of a scalar, alias or anchor; the handle of a tag or directive.
  std::string text;
  std::string suffix;  // Of a tag; the prefix of a directive; the version ("1.1").
  bool plain = false;  // A scalar without quotes.
};

// Why text is not YAML, in go-yaml's words.
struct YamlProblem {
  std::string text;
  YamlMark at;
  YamlMark context;
  bool by_scanner = true;
  // "line 3: did not find expected key": go-yaml leaves some lines out, and counts in two ways.
  std::string Message() const;
};

class YamlScanner {
 public:
  static constexpr int kDepthMax = 10'000;

  // `text` outlives it and is well-formed UTF-8 without NUL.
  explicit YamlScanner(std::string_view text);

  // The next token, which stays the same until Skip; null: problem() says why. After kStreamEnd
  // there is nothing.
  YamlToken* Peek();
  void Skip();
  const YamlProblem& problem() const { return problem_; }

 private:
  // Something that is a key if a ":" follows.
  struct SimpleKey {
    bool possible = false;
    bool required = false;
    size_t token = 0;  // Its number in the stream of tokens.
    YamlMark mark;
  };

  // The bytes of the character that begins so.
  static size_t WidthOf(char c);
  char At(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool IsBlank(size_t ahead = 0) const { return At(ahead) == ' ' || At(ahead) == '\t'; }
  // The bytes of a line break there; 0: none.
  size_t BreakBytes(size_t ahead = 0) const;
  bool IsEnd(size_t ahead = 0) const { return at_ + ahead >= text_.size(); }
  bool IsBreakOrEnd(size_t ahead = 0) const { return IsEnd(ahead) || BreakBytes(ahead) > 0; }
  bool IsBlankOrEnd(size_t ahead = 0) const { return IsBlank(ahead) || IsBreakOrEnd(ahead); }
  bool IsWordChar() const;
  bool IsDocumentMark(char c) const;
  void Advance(size_t characters = 1);
  void AdvanceLine();
  void Read(std::string& out);
  void ReadBreak(std::string& out);
  bool Fail(const YamlMark& context, std::string text);

  bool FetchMore();
  bool FetchNext();
  bool FetchCollectionEntry(char c, bool& found);
  bool FetchOther(char c);
  void SkipToToken();
  void Add(YamlTokenType type, size_t characters);
  void Insert(size_t number, YamlTokenType type, const YamlMark& mark);
  bool IsValid(SimpleKey& key, bool& valid);
  bool SaveKey();
  bool RemoveKey();
  bool RollIndent(int column, size_t number, YamlTokenType type, const YamlMark& mark);
  void UnrollIndent(int column);
  bool ResetBlock();

  bool FetchDirective();
  bool FetchFlowStart(YamlTokenType type);
  bool FetchFlowEnd(YamlTokenType type);
  bool FetchBlockEntry();
  bool FetchKey();
  bool FetchValue();
  bool FetchName(YamlTokenType type);
  bool FetchTag();
  bool FetchBlockScalar(bool literal);
  bool FetchQuoted(bool single);
  bool FetchPlain();
  bool ScanVersion(const YamlMark& begin, YamlToken& token);
  bool ScanTagDirective(const YamlMark& begin, YamlToken& token);
  bool ScanTagHandle(bool directive, const YamlMark& begin, std::string& out);
  bool ScanTagUri(std::string_view head, const YamlMark& begin, std::string& out);
  bool ScanUriEscapes(const YamlMark& begin, std::string& out);
  bool ScanBlockHeader(const YamlMark& begin, int& chomping, int& increment);
  bool ScanBlockBreaks(const YamlMark& begin, int& indent, std::string& breaks);
  bool ScanEscape(const YamlMark& begin, std::string& out);
  bool ScanQuotedWord(const YamlMark& begin, bool single, std::string& out, bool& line_joined);
  static void JoinLines(std::string& leading, std::string& trailing, std::string& out);

  const std::string_view text_;
  size_t at_ = 0;
  YamlMark mark_;
  YamlProblem problem_;
  bool failed_ = false;
  bool ended_ = false;

  std::deque<YamlToken> tokens_;
  size_t taken_ = 0;  // Tokens that were skipped.
  int indent_ = -1;
  std::vector<int> indents_;
  int flow_level_ = 0;
  bool key_allowed_ = true;
  std::vector<SimpleKey> keys_;  // The last one possible on each level of flow.
  std::unordered_map<size_t, size_t> keys_by_token_;  // Where in keys_ they stand.
};

}  // namespace skiff
