// What a compose file says, with the file and line of each value: what all of loading works on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/text/yaml_tree.h"

namespace skiff::cli::compose {

struct Place {
  std::shared_ptr<const std::string> file;
  int line = 0;
  std::string Text() const;  // "compose.yaml:12"
};

struct Member;
struct Node {
  using Form = YamlTree::Form;
  Form form = Form::kNull;
  Json value;        // Of a scalar.
  std::string tag;   // "!reset", "!override", or none.
  Place place;
  std::vector<Node> items;
  std::vector<Member> members;
  // What stood here was wrong, and that has been said: a null, which nobody is to miss.
  bool told = false;
  // What reading found out besides. Of a mount's source "relative", where it was, and of its target
  // the words of the short form's mode that are none; of a content that it was made (canonical.h).
  // No file can say it, and none is printed.
  std::string mark;

  bool IsNull() const { return form == Form::kNull; }
  bool IsScalar() const { return form == Form::kScalar; }
  bool IsText() const { return IsScalar() && value.is_string(); }
  bool IsList() const { return form == Form::kList; }
  bool IsMap() const { return form == Form::kMap; }
  // Neither null nor an empty text, list or map.
  bool Says() const;

  // The member; a null without a place when there is none.
  const Node& operator[](std::string_view key) const;
  const Node* Find(std::string_view key) const;
  Node* Find(std::string_view key);
  // Puts or replaces a member.
  Node& Put(std::string_view key, Node node);
  void Remove(std::string_view key);
  void MakeTold();
  // It is neither said nor told of as wrong.
  bool Lacks(std::string_view key) const;

  // A scalar as text; "" for all else.
  std::string Text() const;
  // A boolean, or a text that reads as one ("Yes", "OFF", "1"), as a variable's value does.
  bool IsTrue() const;
  bool IsFalse() const;
  // The texts of a list; of a scalar the one.
  std::vector<std::string> Texts() const;
};
struct Member {
  std::string key;
  Node node;
};

Node TextNode(std::string text, const Place& place);
Node MapNode(const Place& place);
Node ListNode(const Place& place);

// The documents of a file. Fails with "FILE:3: ...".
Result<std::vector<Node>> ParseNodes(const std::string& file, std::string_view text);

// What is told of a file is no longer than this, whatever stands in it: the middle is left out.
inline constexpr size_t kToldBytesMax = 1000;
std::string WithoutMiddle(std::string text);

// "FILE:LINE: TEXT"
tl::unexpected<Error> Wrong(const Place& place, const std::string& text);
tl::unexpected<Error> Wrong(const Node& node, const std::string& text);

// Something that a file says and that comes to nothing, or not to what it says.
struct Note {
  Place place;
  std::string key;  // "services.web.ulimits"
  std::string why;
  std::string Text() const;  // "compose.yaml:12: services.web.ulimits: ..."
};
using Notes = std::vector<Note>;

}  // namespace skiff::cli::compose
