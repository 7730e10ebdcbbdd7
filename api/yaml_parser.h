// YAML text -> what a document consists of, in order: the second half of reading YAML. No tree is
// made, and nothing recurses, so that a document costs a few bytes for each of its own, however it
// nests.
//
//   a: [b, *c]    MapStart Scalar(a) ListStart Scalar(b) Alias(-> the event anchored as c) ListEnd
//                 MapEnd
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/yaml_scanner.h"

namespace skiff {

struct YamlEvent {
  enum class Kind : uint8_t { kScalar, kAlias, kListStart, kListEnd, kMapStart, kMapEnd };
  Kind kind = Kind::kScalar;
  bool plain = false;  // A scalar that may be more than text: neither quoted nor a block.
  uint32_t line = 0;   // From 0.
  uint32_t text_at = 0, text_bytes = 0;  // Of a scalar, or the name of an alias.
  uint32_t tag = 0;                      // In `tags`, from 1; 0: none.
  uint32_t target = 0;                   // Of an alias: the event it stands for.
};

struct YamlEvents {
  std::vector<YamlEvent> events;  // Empty: there is no document.
  std::string texts;
  std::vector<std::string> tags;

  std::string_view TextOf(const YamlEvent& event) const {
    return std::string_view(texts).substr(event.text_at, event.text_bytes);
  }
  std::string_view TagOf(const YamlEvent& event) const {
    return event.tag == 0 ? std::string_view() : tags[event.tag - 1];
  }
};

// The first document of a text, which is well-formed UTF-8 without NUL.
class YamlParser {
 public:
  explicit YamlParser(std::string_view text) : scanner_(text) {}
  // False: problem() says why.
  bool Parse();
  YamlEvents& events() { return out_; }
  std::string problem() const;

 private:
  enum class State : uint8_t {
    kDone,
    kBlockListEntry,
    kIndentlessEntry,  // Of a list that stands in the column of its key.
    kBlockMapKey,
    kBlockMapValue,
    kFlowListFirst,
    kFlowListEntry,
    kPairKey,  // Of a map of one key in a flow list: [a: b]
    kPairValue,
    kPairEnd,
    kFlowMapFirst,
    kFlowMapKey,
    kFlowMapValue,
    kFlowMapNoValue,
  };
  struct Properties {
    std::string anchor;
    bool has_tag = false;
    std::string handle, suffix;
    YamlMark begin, tag_mark;
    std::string tag;
  };
  using Type = YamlTokenType;

  bool Peek();  // Into token_.
  void Skip() { scanner_.Skip(); }
  bool Is(Type type) const { return token_->type == type; }
  bool Fail(std::string text, const YamlMark& at, const YamlMark& context = {});
  // Fails in the collection that began last.
  bool FailWithin(std::string text);
  void Pop();
  YamlEvent& Emit(YamlEvent::Kind kind, const YamlMark& at);
  bool EmitEmpty(const YamlMark& at);
  bool End(YamlEvent::Kind kind);

  bool TakeDirectives();
  bool AddDirective(std::string handle, std::string prefix, bool is_default);
  bool StartDocument();
  bool Step();
  bool Node(bool block, bool indentless);
  bool TakeProperties(Properties& out);
  bool ResolveTag(Properties& properties);
  bool Content(const Properties& properties, bool block, bool indentless);
  bool Alias();
  bool BlockListEntry();
  bool IndentlessEntry();
  bool BlockMapKey();
  bool BlockMapValue();
  bool FlowListEntry(bool first);
  bool PairKey();
  bool PairValue();
  bool FlowMapKey(bool first);
  bool FlowMapValue();
  // The node that comes next, and after it `then`.
  bool NodeThen(State then, bool block, bool indentless);

  YamlScanner scanner_;
  YamlToken* token_ = nullptr;
  YamlEvents out_;
  YamlProblem problem_;
  std::string unknown_anchor_;
  State state_ = State::kDone;
  std::vector<State> states_;
  std::vector<YamlMark> marks_;  // Where the collections begin that we are in.
  std::vector<std::pair<std::string, std::string>> directives_;  // Handle, prefix.
  std::unordered_map<std::string, uint32_t> anchors_;
};

}  // namespace skiff
