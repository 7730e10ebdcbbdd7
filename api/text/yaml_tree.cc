#include "api/text/yaml_tree.h"

#include <algorithm>
#include <set>
#include <utility>

#include "api/codec/json.h"
#include "api/text/utf8.h"
#include "api/text/yaml_read.h"
#include "api/text/yaml_syntax.h"
#include "base/text.h"

namespace skiff {
namespace {

tl::unexpected<Error> AtLine(int line, const std::string& what) {
  return YamlAtLine(static_cast<size_t>(line), {.reason = Reason::kBadRequest, .message = what});
}

// Nobody looks for a key by its thousandth letter.
std::string Shortened(std::string key) {
  constexpr size_t kShownMax = 100;
  if (key.size() <= kShownMax) return key;
  CutUtf8(key, kShownMax);
  return key + "...";
}

class TreeReader {
 public:
  explicit TreeReader(int lines_before) : lines_before_(lines_before) {}

  Result<YamlTree> Value(const YAML::Node& node) {
    TRY(Count(node));
    YamlTree tree;
    tree.line = LineOf(node);
    const std::string& tag = node.Tag();
    if (tag.size() > 1 && tag[0] == '!') tree.tag = tag;
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        TRY(ReadScalar(node, tree));
        return tree;
      case YAML::NodeType::Sequence:
      case YAML::NodeType::Map:
        break;
      default:
        return tree;
    }
    // An anchor that holds itself has no end.
    if (++depth_ > kYamlTreeDepthMax) {
      return AtLine(tree.line, "exceeded max depth of " + std::to_string(kYamlTreeDepthMax));
    }
    if (node.IsMap()) {
      tree.form = YamlTree::Form::kMap;
      TRY(ReadMap(node, tree));
    } else {
      tree.form = YamlTree::Form::kList;
      for (const auto& item : node) {
        YamlTree value = TRY(Value(item));
        tree.items.push_back(std::move(value));
      }
    }
    --depth_;
    if (std::max(tree.items.size(), tree.members.size()) > kYamlTreeEntriesMax) {
      return AtLine(tree.line, "a list or map has more than " +
                                   std::to_string(kYamlTreeEntriesMax) + " entries");
    }
    return tree;
  }

 private:
  // What is read for the first time stands behind all that was; an alias leads back.
  Result<> Count(const YAML::Node& node) {
    const int at = node.Mark().pos;
    if (at >= furthest_) {
      furthest_ = at;
    } else if (++aliased_ > kYamlTreeAliasedMax) {
      return Excessive(LineOf(node));
    }
    if (++values_ <= kYamlTreeValuesMax) return {};
    return AtLine(LineOf(node), "the document comes to more than " +
                                    std::to_string(kYamlTreeValuesMax) + " values");
  }
  static tl::unexpected<Error> Excessive(int line) {
    return AtLine(line, "document contains excessive aliasing");
  }
  int LineOf(const YAML::Node& node) const {
    return std::max(node.Mark().line, 0) + 1 + lines_before_;
  }

  Result<> ReadScalar(const YAML::Node& node, YamlTree& tree) {
    std::string text = YamlText(node);
    bytes_ += text.size();
    if (bytes_ > kYamlTreeBytesMax) return Excessive(tree.line);
    auto read = YamlScalarOf(node, text);
    if (!read) return YamlAtLine(static_cast<size_t>(tree.line), read.error());
    Json value = std::move(*read);
    const std::string lower = Lower(std::string_view(text));
    if (value.is_boolean() && lower != "true" && lower != "false") value = std::move(text);
    if (value.is_null()) return {};
    tree.form = YamlTree::Form::kScalar;
    tree.scalar = std::move(value);
    return {};
  }

  Result<> ReadMap(const YAML::Node& node, YamlTree& tree) {
    std::vector<YamlTree> merged;
    std::set<std::string> given;
    for (const auto& pair : node) {
      if (!pair.first.IsScalar()) return AtLine(LineOf(pair.first), "invalid map key");
      const std::string key = YamlText(pair.first);
      YamlTree value = TRY(Value(pair.second));
      if (key == "<<" && pair.first.Tag() == "?") {
        TRY(Collect(std::move(value), merged));
        continue;
      }
      const int line = LineOf(pair.first);
      if (!given.insert(key).second) {
        return AtLine(line, "key \"" + Shortened(key) + "\" already set in map");
      }
      tree.members.push_back({key, line, std::move(value)});
    }
    for (YamlTree& other : merged) {
      for (YamlMember& member : other.members) {
        if (given.insert(member.key).second) tree.members.push_back(std::move(member));
      }
    }
    return {};
  }

  // The maps that "<<" brings in.
  Result<> Collect(YamlTree value, std::vector<YamlTree>& merged) const {
    if (value.form == YamlTree::Form::kMap) {
      merged.push_back(std::move(value));
      return {};
    }
    if (value.form != YamlTree::Form::kList) return NoMap(value);
    for (YamlTree& item : value.items) {
      if (item.form != YamlTree::Form::kMap) return NoMap(item);
      merged.push_back(std::move(item));
    }
    return {};
  }
  tl::unexpected<Error> NoMap(const YamlTree& tree) const {
    return AtLine(tree.line, "map merge requires map or sequence of maps as the value");
  }

  const int lines_before_;
  size_t values_ = 0;
  size_t aliased_ = 0;  // Of these.
  int furthest_ = 0;    // Where the last of the others begins, in the text.
  size_t bytes_ = 0;  // Of all scalars so far.
  int depth_ = 0;     // Lists and maps that we are in.
};

}  // namespace

Result<std::vector<YamlTree>> ParseYamlTrees(std::string_view raw) {
  const std::string text = NormalYaml(raw);
  int line = 1;
  if (const auto checked = CheckYamlCharacters(text, line); !checked) {
    return YamlAtLine(static_cast<size_t>(line), checked.error());
  }
  TRY(CheckYamlStream(text));
  std::vector<YamlTree> trees;
  for (const YamlPart& part : SplitYaml(text)) {
    TRY(ReadYamlPart(part, [&](const YAML::Node& node) -> Result<> {
      YamlTree tree = TRY(TreeReader(part.lines_before).Value(node));
      if (tree.form != YamlTree::Form::kNull) trees.push_back(std::move(tree));
      return {};
    }));
  }
  return trees;
}

}  // namespace skiff
