#include "cli/compose/node.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/text/utf8.h"
#include "base/text.h"
#include "cli/errors.h"
#include "cli/json_text.h"
#include "cli/terminal_text.h"

namespace skiff::cli::compose {

std::string Place::Text() const {
  return fmt::format("{}:{}", file ? *file : "compose", line);
}

bool Node::Says() const {
  if (IsText()) return !value.get_ref<const std::string&>().empty();
  return IsScalar() || !items.empty() || !members.empty();
}

const Node* Node::Find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const Member& member) { return member.key == key; });
  return found == members.end() ? nullptr : &found->node;
}

Node* Node::Find(std::string_view key) {
  return const_cast<Node*>(std::as_const(*this).Find(key));
}

const Node& Node::operator[](std::string_view key) const {
  static const Node kNone;
  const Node* found = Find(key);
  return found ? *found : kNone;
}

Node& Node::Put(std::string_view key, Node node) {
  if (Node* found = Find(key)) return *found = std::move(node);
  members.push_back({std::string(key), std::move(node)});
  return members.back().node;
}

void Node::Remove(std::string_view key) {
  std::erase_if(members, [&](const Member& member) { return member.key == key; });
}

void Node::MakeTold() {
  Node wrong;
  wrong.place = place;
  wrong.told = true;
  *this = std::move(wrong);
}

bool Node::Lacks(std::string_view key) const {
  const Node& node = (*this)[key];
  return !node.Says() && !node.told;
}

std::string Node::Text() const {
  return IsScalar() ? PlainText(value) : "";
}

bool Node::IsTrue() const {
  const std::string text = Lower(Text());
  return text == "true" || text == "yes" || text == "on" || text == "y" || text == "1";
}

bool Node::IsFalse() const {
  const std::string text = Lower(Text());
  return text == "false" || text == "no" || text == "off" || text == "n" || text == "0";
}

std::vector<std::string> Node::Texts() const {
  if (IsScalar()) return {Text()};
  std::vector<std::string> texts;
  for (const Node& item : items) texts.push_back(item.Text());
  return texts;
}

Node TextNode(std::string text, const Place& place) {
  Node node;
  node.form = Node::Form::kScalar;
  node.value = std::move(text);
  node.place = place;
  return node;
}

Node MapNode(const Place& place) {
  Node node;
  node.form = Node::Form::kMap;
  node.place = place;
  return node;
}

Node ListNode(const Place& place) {
  Node node;
  node.form = Node::Form::kList;
  node.place = place;
  return node;
}

namespace {

Node NodeOf(YamlTree tree, const std::shared_ptr<const std::string>& file) {
  Node node;
  node.form = tree.form;
  node.value = std::move(tree.scalar);
  node.tag = std::move(tree.tag);
  node.place = {file, tree.line};
  node.items.reserve(tree.items.size());
  for (YamlTree& item : tree.items) node.items.push_back(NodeOf(std::move(item), file));
  node.members.reserve(tree.members.size());
  for (YamlMember& member : tree.members) {
    Node value = NodeOf(std::move(member.value), file);
    // What is said of a key is found where the key stands; of an anchor it would be elsewhere.
    value.place.line = member.line;
    node.members.push_back({std::move(member.key), std::move(value)});
  }
  return node;
}

}  // namespace

Result<std::vector<Node>> ParseNodes(const std::string& file, std::string_view text) {
  auto trees = ParseYamlTrees(text);
  if (!trees) return CliError(WithoutMiddle(fmt::format("{}:{}", file, trees.error().message)));
  const auto name = std::make_shared<const std::string>(file);
  std::vector<Node> nodes;
  for (YamlTree& tree : *trees) nodes.push_back(NodeOf(std::move(tree), name));
  return nodes;
}

std::string WithoutMiddle(std::string text) {
  if (text.size() <= kToldBytesMax) return text;
  // What is wrong with a key or a value is said behind it.
  constexpr size_t kEnd = 300;
  size_t from = text.size() - kEnd;
  while (from < text.size() && (text[from] & 0xc0) == 0x80) ++from;
  const std::string end = text.substr(from);
  CutUtf8(text, kToldBytesMax - kEnd);
  return text + " ... " + end;
}

tl::unexpected<Error> Wrong(const Place& place, const std::string& text) {
  return CliError(WithoutMiddle(fmt::format("{}: {}", place.Text(), text)));
}

tl::unexpected<Error> Wrong(const Node& node, const std::string& text) {
  return Wrong(node.place, text);
}

std::string Note::Text() const {
  return WithoutControls(WithoutMiddle(fmt::format("{}: {}: {}", place.Text(), key, why)));
}

}  // namespace skiff::cli::compose
