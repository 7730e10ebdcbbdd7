#include "api/yaml_parser.h"

#include <algorithm>

namespace skiff {

bool YamlParser::Parse() {
  if (!StartDocument()) return false;
  while (state_ != State::kDone) {
    if (!Step()) return false;
  }
  // The end of a document shows in what follows it.
  return out_.events.empty() || Peek();
}

std::string YamlParser::problem() const {
  if (!unknown_anchor_.empty()) return "unknown anchor '" + unknown_anchor_ + "' referenced";
  return problem_.Message();
}

bool YamlParser::Peek() {
  token_ = scanner_.Peek();
  if (token_ == nullptr) problem_ = scanner_.problem();
  return token_ != nullptr;
}

bool YamlParser::Fail(std::string text, const YamlMark& at, const YamlMark& context) {
  problem_ = {.text = std::move(text), .at = at, .context = context, .by_scanner = false};
  return false;
}

bool YamlParser::FailWithin(std::string text) {
  return Fail(std::move(text), token_->begin, marks_.back());
}

void YamlParser::Pop() {
  state_ = states_.back();
  states_.pop_back();
}

YamlEvent& YamlParser::Emit(YamlEvent::Kind kind, const YamlMark& at) {
  return out_.events.emplace_back(
      YamlEvent{.kind = kind, .line = static_cast<uint32_t>(at.line)});
}

bool YamlParser::EmitEmpty(const YamlMark& at) {
  Emit(YamlEvent::Kind::kScalar, at).plain = true;
  return true;
}

bool YamlParser::End(YamlEvent::Kind kind) {
  Emit(kind, token_->begin);
  marks_.pop_back();
  Pop();
  Skip();
  return true;
}

bool YamlParser::NodeThen(State then, bool block, bool indentless) {
  states_.push_back(then);
  return Node(block, indentless);
}

bool YamlParser::StartDocument() {
  if (!Peek()) return false;
  if (Is(Type::kStreamEnd)) return true;
  const bool is_explicit = Is(Type::kVersionDirective) || Is(Type::kTagDirective) ||
                           Is(Type::kDocumentStart);
  if (!TakeDirectives()) return false;
  if (is_explicit) {
    if (!Is(Type::kDocumentStart)) {
      return Fail("did not find expected <document start>", token_->begin);
    }
    Skip();
    if (!Peek()) return false;
    if (Is(Type::kVersionDirective) || Is(Type::kTagDirective) || Is(Type::kDocumentStart) ||
        Is(Type::kDocumentEnd) || Is(Type::kStreamEnd)) {
      return EmitEmpty(token_->begin);
    }
  }
  return NodeThen(State::kDone, true, false);
}

bool YamlParser::TakeDirectives() {
  for (bool has_version = false;; Skip()) {
    if (!Peek()) return false;
    if (Is(Type::kVersionDirective)) {
      if (has_version) return Fail("found duplicate %YAML directive", token_->begin);
      if (token_->suffix != "1.1") {
        return Fail("found incompatible YAML document", token_->begin);
      }
      has_version = true;
    } else if (Is(Type::kTagDirective)) {
      if (!AddDirective(token_->text, token_->suffix, false)) return false;
    } else {
      return AddDirective("!", "!", true) && AddDirective("!!", "tag:yaml.org,2002:", true);
    }
  }
}

bool YamlParser::AddDirective(std::string handle, std::string prefix, bool is_default) {
  const bool is_known = std::any_of(directives_.begin(), directives_.end(),
                                    [&](const auto& known) { return known.first == handle; });
  if (is_known) return is_default || Fail("found duplicate %TAG directive", token_->begin);
  directives_.emplace_back(std::move(handle), std::move(prefix));
  return true;
}

bool YamlParser::Step() {
  switch (state_) {
    case State::kBlockListEntry:
      return BlockListEntry();
    case State::kIndentlessEntry:
      return IndentlessEntry();
    case State::kBlockMapKey:
      return BlockMapKey();
    case State::kBlockMapValue:
      return BlockMapValue();
    case State::kFlowListFirst:
      return FlowListEntry(true);
    case State::kFlowListEntry:
      return FlowListEntry(false);
    case State::kPairKey:
      return PairKey();
    case State::kPairValue:
      return PairValue();
    case State::kPairEnd:
      if (!Peek()) return false;
      Emit(YamlEvent::Kind::kMapEnd, token_->begin);
      state_ = State::kFlowListEntry;
      return true;
    case State::kFlowMapFirst:
      return FlowMapKey(true);
    case State::kFlowMapKey:
      return FlowMapKey(false);
    case State::kFlowMapValue:
      return FlowMapValue();
    case State::kFlowMapNoValue:
      if (!Peek()) return false;
      state_ = State::kFlowMapKey;
      return EmitEmpty(token_->begin);
    case State::kDone:
      break;
  }
  return true;
}

bool YamlParser::Node(bool block, bool indentless) {
  if (!Peek()) return false;
  if (Is(Type::kAlias)) return Alias();
  Properties properties;
  properties.begin = token_->begin;
  return TakeProperties(properties) && ResolveTag(properties) &&
         Content(properties, block, indentless);
}

bool YamlParser::Alias() {
  const auto anchor = anchors_.find(token_->text);
  if (anchor == anchors_.end()) {
    unknown_anchor_ = token_->text;
    return false;
  }
  YamlEvent& event = Emit(YamlEvent::Kind::kAlias, token_->begin);
  event.target = anchor->second;
  event.text_at = static_cast<uint32_t>(out_.texts.size());
  event.text_bytes = static_cast<uint32_t>(token_->text.size());
  out_.texts += token_->text;
  Pop();
  Skip();
  return true;
}

// One anchor and one tag, in either order.
bool YamlParser::TakeProperties(Properties& out) {
  for (int part = 0; part < 2; ++part) {
    if (Is(Type::kAnchor) && out.anchor.empty()) {
      out.anchor = token_->text;
    } else if (Is(Type::kTag) && !out.has_tag) {
      out.has_tag = true;
      out.handle = token_->text;
      out.suffix = token_->suffix;
      out.tag_mark = token_->begin;
    } else {
      return true;
    }
    Skip();
    if (!Peek()) return false;
  }
  return true;
}

bool YamlParser::ResolveTag(Properties& properties) {
  if (!properties.has_tag) return true;
  if (properties.handle.empty()) {
    properties.tag = properties.suffix;
    return true;
  }
  const auto directive =
      std::find_if(directives_.begin(), directives_.end(),
                   [&](const auto& known) { return known.first == properties.handle; });
  if (directive != directives_.end()) properties.tag = directive->second + properties.suffix;
  if (!properties.tag.empty()) return true;
  return Fail("found undefined tag handle", properties.tag_mark, properties.begin);
}

bool YamlParser::Content(const Properties& properties, bool block, bool indentless) {
  using Kind = YamlEvent::Kind;
  const auto number = static_cast<uint32_t>(out_.events.size());
  Kind kind = Kind::kScalar;
  State next = State::kDone;
  if (indentless && Is(Type::kBlockEntry)) {
    kind = Kind::kListStart;
    next = State::kIndentlessEntry;
  } else if (Is(Type::kFlowListStart) || Is(Type::kFlowMapStart)) {
    const bool list = Is(Type::kFlowListStart);
    kind = list ? Kind::kListStart : Kind::kMapStart;
    next = list ? State::kFlowListFirst : State::kFlowMapFirst;
  } else if (block && (Is(Type::kBlockListStart) || Is(Type::kBlockMapStart))) {
    const bool list = Is(Type::kBlockListStart);
    kind = list ? Kind::kListStart : Kind::kMapStart;
    next = list ? State::kBlockListEntry : State::kBlockMapKey;
  } else if (!Is(Type::kScalar) && properties.anchor.empty() && properties.tag.empty()) {
    return Fail("did not find expected node content", token_->begin, properties.begin);
  }
  YamlEvent& event = Emit(kind, properties.begin);
  if (!properties.anchor.empty()) anchors_[properties.anchor] = number;
  if (!properties.tag.empty()) {
    if (out_.tags.empty() || out_.tags.back() != properties.tag) {
      out_.tags.push_back(properties.tag);
    }
    event.tag = static_cast<uint32_t>(out_.tags.size());
  }
  if (kind != Kind::kScalar) {
    // An indentless list begins with its first entry; what others begin with is passed over.
    if (next != State::kIndentlessEntry) {
      marks_.push_back(token_->begin);
      Skip();
    }
    state_ = next;
    return true;
  }
  event.plain = properties.tag.empty();
  if (Is(Type::kScalar)) {
    event.plain = (token_->plain && properties.tag.empty()) || properties.tag == "!";
    event.text_at = static_cast<uint32_t>(out_.texts.size());
    event.text_bytes = static_cast<uint32_t>(token_->text.size());
    out_.texts += token_->text;
    Skip();
  }
  Pop();
  return true;
}

bool YamlParser::BlockListEntry() {
  if (!Peek()) return false;
  if (Is(Type::kBlockEnd)) return End(YamlEvent::Kind::kListEnd);
  if (!Is(Type::kBlockEntry)) return FailWithin("did not find expected '-' indicator");
  const YamlMark mark = token_->begin;
  Skip();
  if (!Peek()) return false;
  if (!Is(Type::kBlockEntry) && !Is(Type::kBlockEnd)) {
    return NodeThen(State::kBlockListEntry, true, false);
  }
  return EmitEmpty(mark);
}

bool YamlParser::IndentlessEntry() {
  if (!Peek()) return false;
  if (!Is(Type::kBlockEntry)) {
    Emit(YamlEvent::Kind::kListEnd, token_->begin);
    Pop();
    return true;
  }
  const YamlMark mark = token_->begin;
  Skip();
  if (!Peek()) return false;
  if (!Is(Type::kBlockEntry) && !Is(Type::kKey) && !Is(Type::kValue) && !Is(Type::kBlockEnd)) {
    return NodeThen(State::kIndentlessEntry, true, false);
  }
  return EmitEmpty(mark);
}

bool YamlParser::BlockMapKey() {
  if (!Peek()) return false;
  if (Is(Type::kBlockEnd)) return End(YamlEvent::Kind::kMapEnd);
  if (!Is(Type::kKey)) return FailWithin("did not find expected key");
  const YamlMark mark = token_->begin;
  Skip();
  if (!Peek()) return false;
  if (!Is(Type::kKey) && !Is(Type::kValue) && !Is(Type::kBlockEnd)) {
    return NodeThen(State::kBlockMapValue, true, true);
  }
  state_ = State::kBlockMapValue;
  return EmitEmpty(mark);
}

bool YamlParser::BlockMapValue() {
  if (!Peek()) return false;
  YamlMark mark = token_->begin;
  state_ = State::kBlockMapKey;
  if (!Is(Type::kValue)) return EmitEmpty(mark);
  Skip();
  if (!Peek()) return false;
  if (!Is(Type::kKey) && !Is(Type::kValue) && !Is(Type::kBlockEnd)) {
    return NodeThen(State::kBlockMapKey, true, true);
  }
  return EmitEmpty(mark);
}

bool YamlParser::FlowListEntry(bool first) {
  if (!Peek()) return false;
  if (!Is(Type::kFlowListEnd) && !first) {
    if (!Is(Type::kFlowEntry)) return FailWithin("did not find expected ',' or ']'");
    Skip();
    if (!Peek()) return false;
  }
  if (Is(Type::kFlowListEnd)) return End(YamlEvent::Kind::kListEnd);
  if (!Is(Type::kKey)) return NodeThen(State::kFlowListEntry, false, false);
  Emit(YamlEvent::Kind::kMapStart, token_->begin);
  Skip();
  state_ = State::kPairKey;
  return true;
}

bool YamlParser::PairKey() {
  if (!Peek()) return false;
  if (!Is(Type::kValue) && !Is(Type::kFlowEntry) && !Is(Type::kFlowListEnd)) {
    return NodeThen(State::kPairValue, false, false);
  }
  // go-yaml passes over what it has looked at.
  const YamlMark mark = token_->begin;
  Skip();
  state_ = State::kPairValue;
  return EmitEmpty(mark);
}

bool YamlParser::PairValue() {
  if (!Peek()) return false;
  if (Is(Type::kValue)) {
    Skip();
    if (!Peek()) return false;
    if (!Is(Type::kFlowEntry) && !Is(Type::kFlowListEnd)) {
      return NodeThen(State::kPairEnd, false, false);
    }
  }
  state_ = State::kPairEnd;
  return EmitEmpty(token_->begin);
}

bool YamlParser::FlowMapKey(bool first) {
  if (!Peek()) return false;
  if (!Is(Type::kFlowMapEnd) && !first) {
    if (!Is(Type::kFlowEntry)) return FailWithin("did not find expected ',' or '}'");
    Skip();
    if (!Peek()) return false;
  }
  if (Is(Type::kFlowMapEnd)) return End(YamlEvent::Kind::kMapEnd);
  if (!Is(Type::kKey)) return NodeThen(State::kFlowMapNoValue, false, false);
  Skip();
  if (!Peek()) return false;
  if (!Is(Type::kValue) && !Is(Type::kFlowEntry) && !Is(Type::kFlowMapEnd)) {
    return NodeThen(State::kFlowMapValue, false, false);
  }
  state_ = State::kFlowMapValue;
  return EmitEmpty(token_->begin);
}

bool YamlParser::FlowMapValue() {
  if (!Peek()) return false;
  if (Is(Type::kValue)) {
    Skip();
    if (!Peek()) return false;
    if (!Is(Type::kFlowEntry) && !Is(Type::kFlowMapEnd)) {
      return NodeThen(State::kFlowMapKey, false, false);
    }
  }
  state_ = State::kFlowMapKey;
  return EmitEmpty(token_->begin);
}

}  // namespace skiff
