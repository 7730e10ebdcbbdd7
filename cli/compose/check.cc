// Holds nodes against the table of schema.cc.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/did_you_mean.h"
#include "base/text.h"
#include "cli/compose/schema.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

bool ReadsAsNumber(const std::string& text) {
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size();
}

bool Fits(const Node& node, unsigned forms) {
  switch (node.form) {
    case Node::Form::kNull:
      return (forms & kNullForm) != 0;
    case Node::Form::kList:
      return (forms & kListForm) != 0;
    case Node::Form::kMap:
      return (forms & kMapForm) != 0;
    case Node::Form::kScalar:
      break;
  }
  if (node.value.is_boolean()) return (forms & kBoolForm) != 0;
  if (node.value.is_number()) return (forms & kNumberForm) != 0;
  const std::string& text = node.value.get_ref<const std::string&>();
  return (forms & kTextForm) != 0 || ((forms & kNumberForm) != 0 && ReadsAsNumber(text)) ||
         ((forms & kBoolForm) != 0 && (node.IsTrue() || node.IsFalse()));
}

// "a string, a number or a list"
std::string FormsText(unsigned forms) {
  constexpr std::pair<unsigned, const char*> kWords[] = {
      {kTextForm, "a string"},  {kNumberForm, "a number"}, {kBoolForm, "a boolean"},
      {kListForm, "a list"},    {kMapForm, "a mapping"},
  };
  std::vector<std::string> words;
  for (const auto& [form, word] : kWords) {
    if ((forms & form) != 0) words.emplace_back(word);
  }
  if (words.size() < 2) return words.empty() ? "empty" : words[0];
  const std::string last = words.back();
  words.pop_back();
  return Join(words, ", ") + " or " + last;
}

std::string Below(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

// The shape of a member; nullptr for what stands free (x-...), and `known` says whether it may.
const Shape* MemberShape(const Shape& shape, std::string_view name, bool& known) {
  known = true;
  if (const Key* key = FindKey(shape, name)) return key->shape;
  if (shape.any_key != nullptr) return shape.any_key;
  known = shape.key_count == 0 || name.starts_with("x-");
  return nullptr;
}

// What could have been meant by a key that there is none of; "" when nothing is near.
std::string_view MeantBy(const Shape& shape, std::string_view name) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < shape.key_count; ++i) names.push_back(shape.keys[i].name);
  const auto nearest = NearestWords(name, names);
  return nearest.empty() ? "" : nearest[0];
}

void TellUnknown(Node& map, const Member& member, const Shape& shape, const std::string& path,
                 Mistakes& wrong) {
  const std::string_view meant = MeantBy(shape, member.key);
  wrong.Add(Wrong(
      member.node,
      fmt::format("{}: additional property {} is not allowed{}", path.empty() ? "the file" : path,
                  member.key, meant.empty() ? "" : fmt::format("; is {} meant?", meant))));
  if (meant.empty() || !map.Lacks(meant)) return;
  map.Put(meant, Node{.place = member.node.place}).MakeTold();
}

}  // namespace

void CheckShape(Node& node, const Shape& shape, const std::string& path, Mistakes& wrong) {
  // What is reset takes away what a file before said, whatever its own value.
  if (node.tag == "!reset" || node.told) return;
  if (!Fits(node, shape.forms)) {
    wrong.Add(Wrong(node, fmt::format("{} must be {}", path.empty() ? "the file" : path,
                                      FormsText(shape.forms))));
    return node.MakeTold();
  }
  for (size_t i = 0; i < node.items.size() && shape.item != nullptr; ++i) {
    CheckShape(node.items[i], *shape.item, fmt::format("{}[{}]", path, i), wrong);
  }
  std::erase_if(node.items, [](const Node& item) { return item.told; });
  std::vector<Member> unknown;
  for (Member& member : node.members) {
    bool known = false;
    const Shape* below = MemberShape(shape, member.key, known);
    if (!known) unknown.push_back(member);
    if (below != nullptr) CheckShape(member.node, *below, Below(path, member.key), wrong);
  }
  for (const Member& member : unknown) TellUnknown(node, member, shape, path, wrong);
}

void NoteUncarried(const Node& node, const Shape& shape, const std::string& path, Notes& notes) {
  for (size_t i = 0; i < node.items.size(); ++i) {
    if (shape.item != nullptr) {
      NoteUncarried(node.items[i], *shape.item, fmt::format("{}[{}]", path, i), notes);
    }
  }
  for (const Member& member : node.members) {
    const Key* key = FindKey(shape, member.key);
    const std::string place = Below(path, member.key);
    if (key != nullptr && key->why_not != nullptr) {
      // A switch that is off asks for nothing.
      const bool is_switch = (key->shape->forms & kBoolForm) != 0;
      const bool asks = member.node.Says() && !(is_switch && member.node.IsFalse());
      if (asks) notes.push_back({member.node.place, place, key->why_not});
      continue;
    }
    bool known = false;
    const Shape* below = MemberShape(shape, member.key, known);
    if (below != nullptr) NoteUncarried(member.node, *below, place, notes);
  }
}

}  // namespace skiff::cli::compose
